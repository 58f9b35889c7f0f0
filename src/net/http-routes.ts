export interface KnownRoute {
  methods: readonly string[]
  /** As registered: `:name` for one segment, a trailing `*` for the rest. */
  url: string
}

/** The methods that some route has at this path, sorted: what a 405 tells. Empty: there is nothing at all. */
export function methodsAt(routes: readonly KnownRoute[], path: string): string[] {
  const segments = path.split('/')
  const found = routes.filter((route) => !route.url.startsWith('*') && fits(route.url.split('/'), segments))
  return [...new Set(found.flatMap((route) => route.methods))].sort()
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  for (const [at, part] of pattern.entries()) {
    if (part === '*') return true
    const segment = segments[at]
    if (segment === undefined) return false
    if (part.startsWith(':') ? segment === '' : part !== segment) return false
  }
  return pattern.length === segments.length
}

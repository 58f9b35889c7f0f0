import type { SourceFile } from './repository.ts'

/** Names that stand on one side only, as sentences. */
function difference(left: Iterable<string>, right: Iterable<string>, says: (name: string) => string): string[] {
  const known = new Set(right)
  return [...left].filter((name) => !known.has(name)).map(says)
}

/**
 * Every error code has a heading of its own in the reference, every heading there is a code, and the line below says
 * the code's status and whether trying again may help.
 */
export function errorDocProblems(
  errors: Readonly<Record<string, { status: number; retryable: boolean }>>,
  page: string,
): string[] {
  const headings = [...page.matchAll(/^### (.+)\n\n(.*)$/gm)]
  const documented = headings.map((match) => match[1] ?? '')
  const codes = Object.keys(errors)
  return [
    ...difference(codes, documented, (code) => `${code} is not documented`),
    ...difference(documented, codes, (code) => `${code} is documented but does not exist`),
    ...documented
      .filter((code, index) => documented.indexOf(code) !== index)
      .map((code) => `${code} is documented twice`),
    ...headings.flatMap(([, code = '', line]) => {
      const error = errors[code]
      if (!error) return []
      const expected = `HTTP ${error.status}, ${error.retryable ? '' : 'not '}retryable.`
      return line === expected ? [] : [`${code}: expected "${expected}" below its heading`]
    }),
  ]
}

/** Each row of the config reference as it follows from the schema stands on the page, and no other row does. */
export function configDocProblems(reference: string, page: string): string[] {
  return [
    ...difference(tableRows(reference), tableRows(page), (row) => `missing: ${row}`),
    ...difference(tableRows(page), tableRows(reference), (row) => `not so in the schema: ${row}`),
  ]
}

/** The rows of a Markdown table, whatever its padding. */
function tableRows(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[ |:-]+$/.test(line))
    .map((line) => line.replaceAll(/\s+/g, ' '))
}

/**
 * Each command has a section on the page, each section is a command, and names each flag, unless the lines before the
 * first section do.
 */
export function commandDocProblems(commands: ReadonlyMap<string, readonly string[]>, page: string): string[] {
  const [introduction = '', ...parts] = page.split(/^## /m)
  const sections = new Map(parts.map((part) => [part.split('\n')[0] ?? '', part]))
  return [
    ...difference(commands.keys(), sections.keys(), (name) => `command ${name} is not documented`),
    ...difference(sections.keys(), commands.keys(), (name) => `there is no command ${name}`),
    ...[...commands].flatMap(([name, flags]) =>
      flags
        .filter((flag) => !introduction.includes(`--${flag}\``) && !sections.get(name)?.includes(`--${flag}\``))
        .map((flag) => `${name} --${flag} is not documented`),
    ),
  ]
}

/** A protocol is one folder, one line in the registry and one page: all three or none. */
export function sourceProblems(files: readonly SourceFile[]): string[] {
  const names = (pattern: RegExp): Set<string> => new Set(files.flatMap(({ path }) => pattern.exec(path)?.[1] ?? []))
  const folders = names(/^src\/sources\/([^/]+)\//)
  folders.delete('testing')
  const pages = names(/^docs\/sources\/([^/]+)\.md$/)
  const registry = files.find(({ path }) => path === 'src/sources/registry.ts')?.text ?? ''
  const registered = new Set([...registry.matchAll(/from '\.\/([\w-]+)\//g)].map((match) => match[1] ?? ''))
  return [
    ...difference(folders, registered, (name) => `source ${name} is not in src/sources/registry.ts`),
    ...difference(registered, folders, (name) => `registered source ${name} has no folder`),
    ...difference(folders, pages, (name) => `source ${name} has no page docs/sources/${name}.md`),
    ...difference(pages, folders, (name) => `docs/sources/${name}.md describes no source`),
  ]
}

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g

/** Links between documents that lead nowhere. `exists` is asked for repository paths, files and folders. */
export function linkProblems(files: readonly SourceFile[], exists: (path: string) => boolean): string[] {
  return files
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      [...withoutCode(text).matchAll(LINK)].flatMap((match) => {
        const link = match[1] ?? ''
        if (/^[a-z]+:/.test(link)) return []
        const [file = '', anchor] = link.split('#')
        const target = file === '' ? path : resolveLink(path, file)
        if (!exists(target)) return [`${path}: ${link} leads nowhere`]
        const page = files.find((candidate) => candidate.path === target)
        if (anchor === undefined || !page || anchorsOf(page.text).has(anchor)) return []
        return [`${path}: ${link} names a heading that is not there`]
      }),
    )
}

function resolveLink(from: string, link: string): string {
  const path = new URL(link, `file:///${from}`).pathname.slice(1)
  return decodeURIComponent(path).replace(/\/$/, '')
}

function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '')
}

/** Headings as GitHub makes anchors of them. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#{1,6} (.+)$/gm)
  return new Set(
    [...headings].map((match) =>
      (match[1] ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  )
}

/** A call of the event logger → one line of JSON, whatever was given to it. Never throws. */

/** How deep context is followed, and how many entries of a list or object are shown. */
const DEPTH_MAX = 8
const ENTRIES_MAX = 1000
/** Causes of causes. */
const CAUSES_MAX = 10

/** Context of an event: any names and values. */
export type Context = Readonly<Record<string, unknown>>

/** What the logger itself says of an event. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'timestamp',
  'level',
  'event',
  'facility',
  'host',
  'process.pid',
  'service.instance.id',
  'clock.set_back',
])

/** `,"name":value` for each entry, `context.` before names that the logger itself uses; what JSON cannot hold is written in the nearest way that a person understands. */
export function contextText(context: Context): string {
  let text = ''
  for (const name of Object.keys(context)) {
    const value = readProperty(context, name)
    if (value === undefined) continue
    text += `,${JSON.stringify(OWN_NAMES.has(name) ? `context.${name}` : name)}:${valueText(value)}`
  }
  return text
}

function valueText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`
    case 'boolean':
      return String(value)
    default:
      return JSON.stringify(plain(value, [], 0)) ?? 'null'
  }
}

/** The value as JSON can hold it. `above`: the objects that it lies in. */
function plain(value: unknown, above: readonly object[], depth: number): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'symbol') return value.toString()
  if (typeof value === 'function') return `[function ${value.name || 'without a name'}]`
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (above.includes(value)) return '[circular]'
  if (depth >= DEPTH_MAX) return '[deeper]'
  const inside = [...above, value]
  const next = (inner: unknown): unknown => plain(inner, inside, depth + 1)
  try {
    return plainObject(value, next)
  } catch (error) {
    return `[unreadable: ${error instanceof Error ? error.message : 'threw'}]`
  }
}

function plainObject(value: object, next: (inner: unknown) => unknown): unknown {
  if (value instanceof Error) return plainError(value, next)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof RegExp || value instanceof URL) return String(value)
  if (value instanceof Map) return plainMap(value, next)
  if (value instanceof Set) return [...value].slice(0, ENTRIES_MAX).map(next)
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map(next)
  if (ArrayBuffer.isView(value)) return plainBytes(value)
  if (value instanceof ArrayBuffer) return plainBytes(new Uint8Array(value))
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return next(toJSON.call(value))
  return plainEntries(value, Object.keys(value), next)
}

function plainEntries(value: object, names: readonly string[], next: (inner: unknown) => unknown): object {
  const result: Record<string, unknown> = {}
  for (const name of names.slice(0, ENTRIES_MAX)) {
    const inner = readProperty(value, name)
    // Not by assignment, which `__proto__` would mean something to.
    if (inner !== undefined) Object.defineProperty(result, name, { value: next(inner), enumerable: true })
  }
  return result
}

function plainMap(map: ReadonlyMap<unknown, unknown>, next: (inner: unknown) => unknown): unknown {
  const entries = [...map].slice(0, ENTRIES_MAX)
  if (!entries.every(([key]) => typeof key === 'string' || typeof key === 'number')) {
    return entries.map(([key, value]) => [next(key), next(value)])
  }
  const result: Record<string, unknown> = {}
  for (const [key, value] of entries) {
    Object.defineProperty(result, String(key), { value: next(value), enumerable: true })
  }
  return result
}

function plainError(error: Error, next: (inner: unknown) => unknown): object {
  const causes: string[] = []
  let cause: unknown = error.cause
  while (cause !== undefined && cause !== null && causes.length < CAUSES_MAX) {
    causes.push(cause instanceof Error ? `${cause.name}: ${cause.message}` : JSON.stringify(next(cause)))
    cause = cause instanceof Error ? cause.cause : undefined
  }
  const own = Object.keys(error).filter((name) => !['name', 'message', 'stack', 'cause', 'errors'].includes(name))
  return {
    type: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stacktrace: error.stack }),
    ...(causes.length === 0 ? {} : { causes }),
    ...(error instanceof AggregateError ? { errors: next(error.errors) } : {}),
    ...plainEntries(error, own, next),
  }
}

function plainBytes(view: ArrayBufferView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64')
}

/** A getter may throw. */
function readProperty(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name]
  } catch (error) {
    return `[unreadable: ${error instanceof Error ? error.message : 'threw'}]`
  }
}

/**
 * The few kinds of settings that an agent has, and what may be wrong with them. The library that checks the settings of
 * the server takes 20 MB of memory and a quarter of a second: too much for a process that only ships files.
 */
export interface PlainSchema<T> {
  readonly type?: 'integer' | 'string' | 'array' | 'object'
  readonly default?: T
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly pattern?: string
  readonly items?: PlainSchema<unknown>
  readonly choices?: readonly string[]
  readonly unit?: 'bytes' | 'ms'
  /** A text stands for several, with commas between. */
  readonly isSplit?: boolean
  readonly isOptional?: boolean
}

export type PlainSection = Readonly<Record<string, PlainSchema<unknown>>>

type ValueOf<S> = S extends PlainSchema<infer T> ? T : never
type OptionalNames<P> = { [N in keyof P]: P[N] extends { isOptional: true } ? N : never }[keyof P]

/** What a section has once it was checked. */
export type PlainValues<P extends PlainSection> = { [N in Exclude<keyof P, OptionalNames<P>>]: ValueOf<P[N]> } & {
  [N in OptionalNames<P>]?: ValueOf<P[N]>
}

type Options<T> = Omit<PlainSchema<T>, 'type' | 'items' | 'choices' | 'isOptional'>

export function integer(options: Options<number>): PlainSchema<number> {
  return { type: 'integer', ...options }
}

export function text(options: Options<string> = {}): PlainSchema<string> {
  return { type: 'string', ...options }
}

export function texts(options: Options<string[]> & { minLength?: number } = {}): PlainSchema<string[]> {
  const { minLength = 0, ...others } = options
  return { type: 'array', items: text({ minLength }), ...others }
}

/** A list of whatever. */
export function entries(options: Options<unknown[]> = {}): PlainSchema<unknown[]> {
  return { type: 'array', ...options }
}

export function choice<const T extends string>(choices: readonly T[], options: Options<T> = {}): PlainSchema<T> {
  return { choices, ...options }
}

export function optional<T>(schema: PlainSchema<T>): PlainSchema<T> & { isOptional: true } {
  return { ...schema, isOptional: true }
}

export interface PlainProblem {
  name: string
  /** Of a list: which of its entries, from 0. */
  index?: number
  message: string
}

/** The values, and what is the default where there is none. */
export function withDefaults<P extends PlainSection>(section: P, values: Readonly<Record<string, unknown>>) {
  const all: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(section)) {
    const value = values[name] ?? schema.default
    if (value !== undefined) all[name] = value
  }
  return all as PlainValues<P>
}

/** What is wrong with values; the names are those of the section. */
export function problemsOf(section: PlainSection, values: Readonly<Record<string, unknown>>): PlainProblem[] {
  return Object.entries(section).flatMap(([name, schema]) => {
    const value = values[name]
    if (value === undefined) return schema.isOptional === true ? [] : [{ name, message: 'must be given' }]
    const message = problemOf(schema, value)
    if (message !== undefined) return [{ name, message }]
    const { items } = schema
    if (!items || !Array.isArray(value)) return []
    return value.flatMap((item: unknown, index) => {
      const wrong = problemOf(items, item)
      return wrong === undefined ? [] : [{ name, index, message: wrong }]
    })
  })
}

function problemOf(schema: PlainSchema<unknown>, value: unknown): string | undefined {
  const { type, choices, minimum = -Infinity, maximum = Infinity, minLength = 0, pattern } = schema
  if (choices) return choices.includes(value as string) ? undefined : `must be one of ${choices.join(', ')}`
  if (type === 'array') return Array.isArray(value) ? undefined : 'must be a list'
  if (type === 'string') {
    if (typeof value !== 'string') return 'must be a text'
    if (value.length < minLength) return 'must not be empty'
    return pattern === undefined || new RegExp(pattern).test(value) ? undefined : `must match ${pattern}`
  }
  if (type !== 'integer') return undefined
  if (!Number.isSafeInteger(value)) return 'must be a whole number'
  if ((value as number) < minimum) return `must be >= ${minimum}`
  return (value as number) > maximum ? `must be <= ${maximum}` : undefined
}

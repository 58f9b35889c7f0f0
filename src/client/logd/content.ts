import { format, inspect } from 'node:util'
import { METHODS, type LogdMethod } from '../../wire/logd/fields.ts'
import type { LogdMessage } from '../../wire/logd/message.ts'

/** What the arguments of a call become. */
export type LogdContent = Pick<LogdMessage, 'text' | 'stackTrace' | 'httpMethod' | 'url' | 'responseStatus'>

type Details = Record<string, unknown>

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS.slice(1))
const PLACEHOLDER = /%[sdifjoOc%]/g

/**
 * What a call says: a format and its values (`util.format`), and at most one object, first or last.
 * An Error gives its stack trace, with causes. An object gives method, url and status of a request where it has them
 * (also in `req` and `res`, of which nothing else is taken), the stack trace of the error in `err` or `error`, and all
 * else as JSON behind the text.
 */
export function contentOf(args: readonly unknown[]): LogdContent {
  const [first] = args
  if (args.length === 1 && typeof first === 'string') return { text: first }
  if (isObject(first)) return withDetails(textOf(args.slice(1)), first)
  const last = args.at(-1)
  const isSpare = args.length > 1 && (typeof first !== 'string' || placeholders(first) < args.length - 1)
  if (isSpare && isObject(last)) return withDetails(textOf(args.slice(0, -1)), last)
  return { text: textOf(args) }
}

function textOf(args: readonly unknown[]): string {
  return args.length === 0 ? '' : format(...args)
}

function placeholders(text: string): number {
  return (text.match(PLACEHOLDER) ?? []).filter((found) => found !== '%%').length
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function withDetails(text: string, details: object): LogdContent {
  if (details instanceof Error) return withError(text, details)
  if (!isPlain(details)) return { text: joined(text, rendered(details)) }
  const rest: Details = { ...details }
  const content: LogdContent = { text, ...takeRequest(rest) }
  const error = takeFirst(rest, ['err', 'error'], (value) => value instanceof Error)
  if (text === '') content.text = takeFirst(rest, ['msg', 'message'], (value) => typeof value === 'string') ?? ''
  if (Object.keys(rest).length > 0) content.text = joined(content.text, rendered(rest))
  return error ? { ...content, ...withError(content.text, error) } : content
}

function withError(text: string, error: Error): LogdContent {
  const said = `${error.name}: ${error.message}`
  return { text: text === '' ? said : `${text}: ${said}`, stackTrace: inspect(error, { depth: 4 }) }
}

/** Takes out of `rest` what is known about a request. */
function takeRequest(rest: Details): Omit<LogdContent, 'text'> {
  const found: Omit<LogdContent, 'text'> = {}
  for (const source of [rest, takeFirst(rest, ['req', 'request'], isObject) as Details | undefined]) {
    if (!source) continue
    const method = takeFirst(source, ['httpMethod', 'method'], isMethod, source === rest)
    if (method !== undefined) found.httpMethod ??= method.toUpperCase() as LogdMethod
    const url = takeFirst(source, ['originalUrl', 'url'], (value) => typeof value === 'string', source === rest)
    if (url !== undefined) found.url ??= url
  }
  const response = takeFirst(rest, ['res', 'response'], isObject) as Details | undefined
  for (const source of [rest, response]) {
    if (!source) continue
    const status = takeFirst(source, ['responseStatus', 'statusCode', 'status'], isStatus, source === rest)
    if (status !== undefined) found.responseStatus ??= status
  }
  return found
}

/** The first of these fields that is what it should be, removed unless told otherwise. */
function takeFirst<T>(
  from: Details,
  names: readonly string[],
  isRight: (value: unknown) => value is T,
  isRemoved = true,
): T | undefined {
  for (const name of names) {
    const value = from[name]
    if (!isRight(value)) continue
    if (isRemoved) delete from[name]
    return value
  }
  return undefined
}

function isMethod(value: unknown): value is string {
  return typeof value === 'string' && KNOWN_METHODS.has(value.toUpperCase())
}

function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 999
}

function joined(text: string, more: string): string {
  return text === '' ? more : `${text} ${more}`
}

function isPlain(value: object): value is Details {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** JSON where that says everything, else as the console shows it, on one line. */
function rendered(value: object): string {
  if (isPlain(value) || Array.isArray(value)) {
    // A replacer makes it three times as slow.
    if (hasPlainValues(value)) return JSON.stringify(value)
    try {
      return JSON.stringify(value, (_name, part: unknown) => readable(part))
    } catch {
      // A cycle, or a toJSON that fails: the console's form has an answer to both.
    }
  }
  return inspect(value, { breakLength: Infinity, depth: 4 })
}

function hasPlainValues(value: object): boolean {
  for (const part of Object.values(value)) {
    if (typeof part !== 'string' && typeof part !== 'number' && typeof part !== 'boolean') return false
  }
  return true
}

/** Values that JSON has no words for. */
function readable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Error) return inspect(value, { depth: 4 })
  if (value instanceof Map || value instanceof Set) return inspect(value, { breakLength: Infinity, depth: 4 })
  return value
}

/** Whether a message says nothing: what bytes that are none are decoded to. */
export function isEmpty({ text, key, timeNs }: LogdMessage): boolean {
  return text === '' && key === '' && timeNs === undefined
}

/** Pages of the event log: closed minutes, hours and days, by the text that names them. */

export type PageSize = 'minute' | 'hour' | 'day'

export interface Page {
  size: PageSize
  /** `2026-11-21T04:05`, `2026-11-21T04` or `2026-11-21`, in UTC. */
  name: string
  /** Half-open, nanoseconds since 1970. */
  fromNs: bigint
  toNs: bigint
}

const NS_PER_MS = 1_000_000n
export const MINUTE_NS = 60_000_000_000n

export const PAGE_NS: Readonly<Record<PageSize, bigint>> = {
  minute: MINUTE_NS,
  hour: 60n * MINUTE_NS,
  day: 1440n * MINUTE_NS,
}

const NAME = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(?::(\d{2}))?)?Z?$/

/** `undefined` for anything that is no name of a page from 1970 to 2261. */
export function parsePage(text: string): Page | undefined {
  const match = NAME.exec(text)
  if (!match) return undefined
  const [, date = '', hour, minute] = match
  const ms = Date.parse(`${date}T${hour ?? '00'}:${minute ?? '00'}:00.000Z`)
  const size = minute === undefined ? (hour === undefined ? 'day' : 'hour') : 'minute'
  const page = Number.isNaN(ms) || ms < 0 ? undefined : pageAt(BigInt(ms) * NS_PER_MS, size)
  // Dates roll over in some readers: 30 February is none.
  return page && page.name === text.replace(/Z$/, '') && page.fromNs < PAGES_END_NS ? page : undefined
}

/** Where timestamps end that the store can hold. */
const PAGES_END_NS = 9_214_646_400_000_000_000n

/** The page of this size that a time falls into. */
export function pageAt(ns: bigint, size: PageSize): Page {
  const length = PAGE_NS[size]
  const fromNs = ns - (ns % length)
  return { size, name: pageName(fromNs, size), fromNs, toNs: fromNs + length }
}

function pageName(fromNs: bigint, size: PageSize): string {
  const text = new Date(Number(fromNs / NS_PER_MS)).toISOString()
  return text.slice(0, size === 'day' ? 10 : size === 'hour' ? 13 : 16)
}

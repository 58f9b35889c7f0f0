import { AppError } from '../core/errors.ts'
import { parseDuration, parseTime, TIMESTAMP_MAX_NS, TIMESTAMP_MIN_NS } from '../core/time.ts'
import type { TimeRange } from '../query/query.ts'

/**
 * `start` (inclusive) and `end` (exclusive) as people write them. TIME_INVALID names the parameter at fault, which may
 * have another name.
 */
export function parseRange(
  start: string | undefined,
  end: string | undefined,
  nowNs: bigint,
  [startName, endName]: readonly [string, string] = ['start', 'end'],
): TimeRange {
  const fromNs = parseBound(startName, start, nowNs)
  const toNs = parseBound(endName, end, nowNs)
  if (fromNs !== undefined && toNs !== undefined && fromNs > toNs) {
    throw new AppError('TIME_INVALID', { detail: `${startName} (${start}) lies after ${endName} (${end}).` })
  }
  return { ...(fromNs === undefined ? {} : { fromNs }), ...(toNs === undefined ? {} : { toNs }) }
}

function parseBound(name: string, text: string | undefined, nowNs: bigint): bigint | undefined {
  if (text === undefined || text === '') return undefined
  const ns = parseTime(text, nowNs)
  if (ns === undefined) {
    throw new AppError('TIME_INVALID', {
      detail: `${name} is not a time: ${JSON.stringify(text.slice(0, 100))}.`,
      hint: 'Use RFC 3339 (2026-01-05T12:00:00Z), an epoch number, or a time ago (-15m).',
    })
  }
  if (ns < TIMESTAMP_MIN_NS) return TIMESTAMP_MIN_NS
  return ns > TIMESTAMP_MAX_NS ? TIMESTAMP_MAX_NS : ns
}

/** A positive duration parameter in nanoseconds. */
export function parseSpan(name: string, text: string): bigint {
  const ns = parseDuration(text.trim())
  if (ns === undefined || ns <= 0n) {
    throw new AppError('TIME_INVALID', {
      detail: `${name} is not a duration: ${JSON.stringify(text.slice(0, 100))}.`,
      hint: 'Use a number and a unit: 30s, 5m, 1h30m.',
    })
  }
  return ns
}

/** How long something is to be valid, in milliseconds: a duration, or a number of milliseconds as it is. */
export function parseLifeMs(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number(parseSpan('expires', text) / 1_000_000n)
}

/** The `timeout` parameter in milliseconds: the limit when it asks for none or for more. */
export function parseTimeoutMs(text: string | undefined, timeoutMsMax: number): number {
  if (text === undefined || text === '') return timeoutMsMax
  const ms = Number(parseSpan('timeout', text) / 1_000_000n)
  return Math.max(1, Math.min(ms, timeoutMsMax))
}

/** How much of the time is left, in ms; throws QUERY_TIMEOUT when none is. */
export function countdown(timeoutMs: number): () => number {
  const endMs = performance.now() + timeoutMs
  return () => {
    const leftMs = Math.ceil(endMs - performance.now())
    if (leftMs > 0) return leftMs
    throw new AppError('QUERY_TIMEOUT', { detail: `The query took longer than ${timeoutMs} ms.` })
  }
}

import type { EventJson } from '../../src/core/event.ts'
import { quotedValue } from '../query/filter-text.ts'

const EVENT_AROUND_MS = 5 * 60_000
/** A trace is rarely longer. */
const TRACE_AROUND_MS = 60 * 60_000

function around(event: EventJson, ms: number): { start: string; end: string } {
  const at = Date.parse(event.timestamp)
  return { start: new Date(at - ms).toISOString(), end: new Date(at + ms).toISOString() }
}

function href(params: Readonly<Record<string, string>>): string {
  return `/?${new URLSearchParams(params).toString()}`
}

/** The event, open, among its service's events of these minutes. */
export function eventLink(event: EventJson): string {
  const q = event.service === '' ? {} : { q: `service:${quotedValue(event.service)}` }
  return href({ ...q, ...around(event, EVENT_AROUND_MS), event: event.id })
}

/** Everything that bears the same trace id. */
export function traceLink(event: EventJson): string {
  const columns = { cols: 'service,host' }
  return href({ q: `trace_id:${quotedValue(event.trace_id)}`, ...around(event, TRACE_AROUND_MS), ...columns })
}

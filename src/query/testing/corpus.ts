/**
 * For tests: the corpus, one file per query beside the events that all of them are asked about. A file:
 *
 *     # what it shows
 *     the query
 *     => explain events with level error
 *     => events 3 5
 *     => rows [["billing",2]]
 *
 * `events` are numbers of `CORPUS_EVENTS` in the order of the answer (newest first unless sorted); `rows` is a table.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { EventInput } from '../../core/batch.ts'
import { parseTimestamp } from '../../core/time.ts'

export const CORPUS_NODE = 'n1'
/** What `now` means in the corpus. */
export const CORPUS_NOW_NS = parseTimestamp('2026-01-06T12:00:00Z') ?? 0n

export interface CorpusCase {
  file: string
  query: string
  explain: string
  events?: number[]
  rows?: unknown[][]
}

const FOLDER = new URL('../corpus/', import.meta.url)

export function readCorpus(): CorpusCase[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.query'))
    .sort()
    .map((file) => readCase(file, readFileSync(new URL(file, FOLDER), 'utf8')))
}

function readCase(file: string, text: string): CorpusCase {
  const lines = text.trimEnd().split('\n')
  const given = (kind: string): string | undefined =>
    lines.find((line) => line === `=> ${kind}` || line.startsWith(`=> ${kind} `))?.slice(kind.length + 4)
  const events = given('events')
  const rows = given('rows')
  return {
    file,
    query: lines.filter((line) => !line.startsWith('# ') && !line.startsWith('=> ')).join('\n'),
    explain: given('explain') ?? '',
    ...(events === undefined ? {} : { events: events.split(' ').filter(Boolean).map(Number) }),
    ...(rows === undefined ? {} : { rows: JSON.parse(rows) as unknown[][] }),
  }
}

function event(
  time: string,
  severity: number,
  service: string,
  message: string,
  more: Record<string, string> = {},
): EventInput {
  const { host = 'web-1', source = '', trace_id = '', span_id = '', ...attributes } = more
  return {
    timestampNs: parseTimestamp(`2026-01-${time}Z`) ?? 0n,
    severity,
    service,
    host,
    source,
    message,
    trace_id,
    span_id,
    attributes: new Map(Object.entries(attributes)),
  }
}

/** Number 0 is the oldest. */
export const CORPUS_EVENTS: readonly EventInput[] = [
  event('05T00:00:00', 9, 'billing', 'invoice 17 sent', { user_id: '42', status: '200', duration_ms: '12' }),
  event('05T00:01:00', 17, 'billing', 'Connection reset by peer', {
    user_id: '43',
    status: '502',
    duration_ms: '3000',
    host: 'web-2',
  }),
  event('05T00:02:30', 13, 'Billing', 'connection RESET again', { status: '500', duration_ms: '1500.5' }),
  event('05T00:07:00', 9, '/ops/db', 'took 1234ms for "select 1"', { source: '/var/log/db.log', duration_ms: '1234' }),
  event('05T00:08:00', 5, '/ops/cache', 'took 12ms', { source: '/var/log/cache.log', duration_ms: '12ms' }),
  event('05T00:09:59.999999999', 0, '', 'no level, no service', { host: '' }),
  event('05T12:00:00', 18, 'auth', 'Failed password for root from 10.0.0.1', { user: 'root', trace_id: 'ABC123DEF' }),
  event('05T12:00:01', 13, 'auth', 'Failed password for bob from 10.0.0.2', {
    user: 'bob',
    trace_id: 'abc123def',
    span_id: '00f067aa',
  }),
  event('05T12:30:00', 9, 'auth', 'user=bob action="log in" ms=15 ok=true', { host: 'web-3' }),
  event('05T12:31:00', 9, 'auth', 'user=eve action="say \\"hi\\"" ms=250', { host: 'web-3' }),
  event('05T23:59:59.999999999', 9, 'api', '{"user":"ann","ms":1.50,"tags":["a", "b"],"deep":{"x":1},"none":null}', {
    url: '/checkout/pay?x=1',
  }),
  event('06T00:00:00', 17, 'api', '{"user":"bob","ms":250} trailing', { url: '/login' }),
  event('06T00:00:01', 17, 'api', 'ÄRGER mit straße und Ελλάδα', { url: '/CHECKOUT', lang: 'Größe' }),
  event('06T09:00:00', 21, 'kernel', 'panic: 100% of %s_disk full\nsecond line', {
    'odd name': 'x:y',
    'http.request.header.x-id': 'abc',
  }),
  event('06T11:50:00', 9, 'web', '', { empty: '', ratio: '0.25', code: '0x10' }),
  event('06T11:55:00', 10, 'web', 'the and that', { ratio: '1e-1', code: 'inf' }),
]

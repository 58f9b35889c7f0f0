/**
 * The words of the language: fields, pipes and functions, for the checker, for hints and for completion in a page or
 * a command line. docs/query.md says the same at length.
 */

export interface LanguageWord {
  name: string
  /** How it is written. */
  usage: string
  /** What it does, in a few words. */
  text: string
}

export const FIELDS: readonly LanguageWord[] = [
  { name: 'timestamp', usage: 'timestamp:>=2026-01-05', text: 'when it happened, as the sender says' },
  { name: 'received', usage: 'received:-1h..', text: 'when this server took it' },
  { name: 'level', usage: 'level:>=warn', text: 'severity, by name or number' },
  { name: 'service', usage: 'service:billing', text: 'the program' },
  { name: 'host', usage: 'host:web-*', text: 'the machine' },
  { name: 'source', usage: 'source:*.log', text: 'the file, stream or listener' },
  { name: 'message', usage: 'message:"connection reset"', text: 'the line or body' },
  { name: 'trace_id', usage: 'trace_id:4bf92f35…', text: 'the trace it belongs to' },
  { name: 'span_id', usage: 'span_id:00f067aa…', text: 'the span it belongs to' },
  { name: 'node', usage: 'node:*', text: 'the server that took it' },
]

/** Other names of fields. `time` is the timestamp as a range. */
export const FIELD_ALIASES: Readonly<Record<string, string>> = {
  facility: 'service',
  key: 'service',
  file: 'source',
  msg: 'message',
  severity: 'level',
  time: 'timestamp',
}

export const PIPES: readonly LanguageWord[] = [
  { name: 'where', usage: 'where <filter>', text: 'filters again' },
  { name: 'fields', usage: 'fields a, b', text: 'keeps these' },
  { name: 'sort', usage: 'sort by a [asc|desc], b', text: 'orders; the default is newest first' },
  { name: 'limit', usage: 'limit 10', text: 'at most this many' },
  { name: 'stats', usage: 'stats count() n, avg(x) by service, bin(5m)', text: 'counts and calculates, by group' },
  { name: 'top', usage: 'top 10 service [by host]', text: 'the most frequent values' },
  { name: 'timechart', usage: 'timechart [5m] count() [by service]', text: 'stats by time, filled with zeros' },
  { name: 'extract', usage: 'extract /user=(?<user>[a-z]+)/ [from message]', text: 'named groups become fields' },
  { name: 'parse', usage: 'parse json|logfmt [from message]', text: 'fields out of the text' },
]

export const FUNCTIONS: readonly LanguageWord[] = [
  { name: 'count', usage: 'count() or count(field)', text: 'events, or events that have the field' },
  { name: 'uniq', usage: 'uniq(field)', text: 'different values' },
  { name: 'sum', usage: 'sum(field)', text: 'sum of the numbers' },
  { name: 'avg', usage: 'avg(field)', text: 'mean of the numbers' },
  { name: 'min', usage: 'min(field)', text: 'least number, time or level' },
  { name: 'max', usage: 'max(field)', text: 'greatest number, time or level' },
  { name: 'p50', usage: 'p50(field)', text: 'median' },
  { name: 'p90', usage: 'p90(field)', text: '90th percentile' },
  { name: 'p95', usage: 'p95(field)', text: '95th percentile' },
  { name: 'p99', usage: 'p99(field)', text: '99th percentile' },
  { name: 'quantile', usage: 'quantile(0.95, field)', text: 'any percentile' },
  { name: 'rate', usage: 'rate()', text: 'events per second' },
]

/** Everything a page or shell needs to complete a query while it is typed. */
export const LANGUAGE = { fields: FIELDS, aliases: FIELD_ALIASES, pipes: PIPES, functions: FUNCTIONS } as const

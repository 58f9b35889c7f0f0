/**
 * The SQL of pages. An event's page time is its timestamp when it was received before its minute closed, else the time
 * at which it was received: then it is late. Both kinds are selected apart, each by a range that the keys and indexes
 * of the table know.
 */
import type { Statement } from '../../core/statement.ts'
import { levelOf } from '../../core/severity.ts'
import { joinConditions, within, type Condition } from '../stored-events.ts'
import { visibleCondition } from '../view.ts'
import type { PageRange, Separator } from './log-reader.ts'
import type { PageScope } from './page-question.ts'
import { MINUTE_NS } from './page-time.ts'

/** Where in a page to go on. */
export interface PagePosition {
  pageNs: string
  receivedNs: string
  node: string
}

const TIMESTAMP_NS = 'toUnixTimestamp64Nano(timestamp)'
const RECEIVED_NS = 'toUnixTimestamp64Nano(received)'
const IS_ON_TIME =
  `${RECEIVED_NS} < intDiv(${TIMESTAMP_NS}, ${MINUTE_NS}) * ${MINUTE_NS} + {page_open:Int64} ` +
  'AND timestamp >= toDateTime64(0, 9)'

const COLUMNS = [
  'timestamp',
  'received',
  'node',
  'severity',
  'service',
  'host',
  'source',
  'message',
  'trace_id',
  'span_id',
]
const ATTRIBUTES = "CAST(attributes, 'Map(String, String)')"

/** Both kinds of events of a range, each with `page_ns`, and with its attributes as they are `shown`. */
function selection(scope: PageScope, range: PageRange, columns: readonly string[] = [], isShown = false): Condition {
  const asked = [...scopeConditions(scope), visibleCondition(scope.query)]
  const onTime = joinConditions([within('timestamp', range), { sql: IS_ON_TIME, params: {} }, ...asked])
  const late = joinConditions([
    within('received', range),
    // Without the words of the sort key, which has none for times before 1970.
    { sql: "timestamp < fromUnixTimestamp64Nano({timestamp_to:Int64}, 'UTC')", params: {} },
    { sql: `NOT (${IS_ON_TIME})`, params: {} },
    ...asked,
  ])
  const list = (pageNs: string, attributes: string): string =>
    [`${pageNs} AS page_ns`, ...columns, ...(isShown ? [`mapSort(${attributes}) AS shown`] : [])].join(', ')
  return {
    sql:
      `(SELECT ${list(TIMESTAMP_NS, ATTRIBUTES)} FROM events WHERE ${onTime.sql} ` +
      `UNION ALL SELECT ${list(RECEIVED_NS, `mapUpdate(${ATTRIBUTES}, map('late', 'true'))`)} FROM events WHERE ${late.sql})`,
    params: { ...onTime.params, ...late.params, page_open: MINUTE_NS + scope.graceNs },
  }
}

function scopeConditions({ facility, severities }: PageScope): Condition[] {
  return [
    ...(facility === undefined
      ? []
      : [{ sql: 'service = {page_facility:String}', params: { page_facility: facility } }]),
    ...(severities === undefined
      ? []
      : [{ sql: 'has({page_severities:Array(UInt8)}, severity)', params: { page_severities: severities } }]),
  ]
}

/** `SELECT slot, count`: of the slots of `stepNs` that are not empty, in order. */
export function countStatement(scope: PageScope, range: PageRange, stepNs: bigint): Statement {
  const { sql, params } = selection(scope, range)
  return {
    sql: `SELECT intDiv(page_ns, {page_step:Int64}) AS slot, count() FROM ${sql} GROUP BY slot ORDER BY slot`,
    params: { ...params, page_step: stepNs },
  }
}

/** `SELECT count, first, last`: page times of the events in the range. */
export function extentStatement(scope: PageScope, range: PageRange): Statement {
  const { sql, params } = selection(scope, range)
  return { sql: `SELECT count(), min(page_ns), max(page_ns) FROM ${sql}`, params }
}

const LEVELS = `[${Array.from({ length: 25 }, (_, severity) => `'${levelOf(severity)}'`).join(', ')}]`

/** As `formatTimestamp` writes it: with as many digits as are needed, in steps of three. */
function timeText(column: string): string {
  const ns = `toUnixTimestamp64Nano(${column})`
  const digits = `multiIf(modulo(${ns}, 1000000) = 0, 12, modulo(${ns}, 1000) = 0, 15, 18)`
  return `concat(substring(toString(${column}), 1, 10), 'T', substring(toString(${column}), 12, ${digits}), 'Z')`
}

/** Name in the answer → its JSON in SQL. The order is that of `EventJson`; attributes are in the order of their names. */
const FIELDS: readonly (readonly [name: string, sql: string])[] = [
  ['id', quoted(`leftPad(lower(hex(${RECEIVED_NS})), 16, '0'), '-', node`)],
  ['timestamp', quoted(timeText('timestamp'))],
  ['received', quoted(timeText('received'))],
  ['severity', 'toString(severity)'],
  ['level', quoted(`${LEVELS}[least(severity, 24) + 1]`)],
  ...['service', 'host', 'source', 'message', 'trace_id', 'span_id', 'attributes'].map(
    (name) => [name, `toJSONString(${name === 'attributes' ? 'shown' : name})`] as const,
  ),
]
/** Joined from pieces: a third of what it takes to make it of a tuple. */
const EVENT_JSON = `concat('{', ${FIELDS.map(([name, sql]) => `'"${name}":', ${sql}`).join(", ',', ")}, '}')`

/** Text that needs no escapes. */
function quoted(sql: string): string {
  return `'"', ${sql}, '"'`
}

/** `SELECT event`: events as JSON texts, in the order of page time, received time and node, which is that of no two alike. */
export function textsOfPageStatement(scope: PageScope, range: PageRange): Statement {
  const { sql, params } = selection(scope, range, COLUMNS, true)
  return {
    sql:
      `SELECT event FROM (SELECT ${EVENT_JSON} AS event, page_ns, ${RECEIVED_NS} AS received_ns, node FROM ${sql}) ` +
      'ORDER BY page_ns, received_ns, node SETTINGS output_format_json_escape_forward_slashes = 0',
    params,
  }
}

/** Which events of a page, and how they are put together. */
export interface PieceOptions {
  limit: number
  /** Only those behind this one. */
  after?: PagePosition | undefined
  /** Events of so much time make one row of the answer. */
  stepNs: bigint
  separator: Separator
}

/**
 * `SELECT events, count, page_ns, received_ns, node`: the same, `limit` of them, many in a row; and the place of the
 * last.
 */
export function eventsOfPageStatement(
  scope: PageScope,
  range: PageRange,
  { limit, after, stepNs, separator }: PieceOptions,
): Statement {
  const { sql, params } = selection(scope, range, COLUMNS, true)
  const behind =
    after === undefined
      ? ''
      : `WHERE (page_ns, ${RECEIVED_NS}, node) > ({after_page:Int64}, {after_received:Int64}, {after_node:String}) `
  return {
    sql:
      `SELECT arrayStringConcat(arrayMap(event -> event.4, sorted), ${separator === '\n' ? "'\\n'" : "',\\n'"}), ` +
      'length(sorted), (sorted[-1]).1, (sorted[-1]).2, (sorted[-1]).3 FROM (' +
      'SELECT intDiv(page_ns, {page_step:Int64}) AS slot, ' +
      'arraySort(groupArray((page_ns, received_ns, node, event))) AS sorted FROM (' +
      `SELECT ${EVENT_JSON} AS event, page_ns, ${RECEIVED_NS} AS received_ns, node FROM ${sql} ${behind}` +
      'ORDER BY page_ns, received_ns, node LIMIT {page_limit:UInt32}' +
      ') GROUP BY slot) ORDER BY slot SETTINGS output_format_json_escape_forward_slashes = 0',
    params: {
      ...params,
      page_limit: limit,
      page_step: stepNs,
      ...(after === undefined
        ? {}
        : { after_page: after.pageNs, after_received: after.receivedNs, after_node: after.node }),
    },
  }
}

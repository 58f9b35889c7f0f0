import type {
  CountedBy,
  EventCountsOptions,
  eventCountsStatement,
  eventTextsStatement,
} from '../../store/eventlog-stats.ts'
import type { ReadOptions, Store } from '../../store/store.ts'
import type { Statement } from '../../core/statement.ts'
import { NS_PER_SECOND } from '../../core/time.ts'
import type { StoreFigures } from '../store-figures.ts'
import { joinConditions, within, type Condition } from '../stored-events.ts'
import { visibleCondition } from '../view.ts'
import type { DeletionQuestion, EventCount, EventLogReader, EventText, Found, StatsQuestion } from './log-reader.ts'
import { countPage, pageEvents } from './page-events.ts'
import { findNearest } from './page-links.ts'
import { countStatement } from './page-statements.ts'
import { SCANNED_EVENTS_MAX, scannedCountsStatement, scannedTextsStatement } from './stats-scan.ts'

/** The store's own: what it counts of all events, so it answers only those who may see all events. */
export interface EventLogRollup {
  eventCounts: typeof eventCountsStatement
  eventTexts: typeof eventTextsStatement
}

export interface SqlLogReaderOptions {
  store: Pick<Store, 'select' | 'stream' | 'texts' | 'delete' | 'deletions'>
  rollup: EventLogRollup
  figures: Pick<StoreFigures, 'extent'>
}

/** Asks the store. */
export function createSqlLogReader({ store, rollup, figures }: SqlLogReaderOptions): EventLogReader {
  return {
    touching: (range, scope) => store.deletions.touching(range, scope),
    async slots(scope, range, stepNs, read) {
      const { rows } = await store.select(countStatement(scope, range, stepNs), read)
      return (rows as [string, string][]).map(([slot, count]) => ({ slot: BigInt(slot), count: Number(count) }))
    },
    async page(scope, page, read) {
      const contents = await countPage(store, scope, page, read)
      return {
        count: contents.count,
        texts: (separator) => pageEvents(store, contents, { scope, separator, options: read }),
        close: () => undefined,
      }
    },
    nearest: (scope, page, endNs, read) => findNearest({ store, figures }, scope, page, endNs, read),
    counts: (by, question, read) => counts({ store, rollup }, by, question, read),
    texts: (question, read) => texts({ store, rollup }, question, read),
    delete({ beforeNs, settledNs, query, ...request }) {
      return store.delete({ ...request, condition: doomedCondition({ beforeNs, settledNs, query, ...request }) })
    },
    completeFromNs: undefined,
  }
}

type StatsStore = Pick<SqlLogReaderOptions, 'store' | 'rollup'>

async function counts(
  { store, rollup }: StatsStore,
  by: readonly CountedBy[],
  question: StatsQuestion,
  read: ReadOptions,
): Promise<Found<EventCount>> {
  const { visible, ...counted } = question
  const statement =
    visible.filter === ''
      ? rollup.eventCounts(by, counted)
      : scannedCountsStatement(by, scanned(question, 60n), counted.limit)
  const { rows } = await store.select(statement, read)
  const isTimed = by.some((key) => key !== 'facility' && key !== 'level')
  return {
    rows: rows.map(([count, ...cells]) => ({
      events: Number(count),
      facility: by.includes('facility') ? String(cells.shift()) : undefined,
      severity: by.includes('level') ? Number(cells.shift()) : undefined,
      seconds: isTimed ? BigInt(String(cells.shift())) : undefined,
    })),
    isApproximate: visible.filter !== '' && isPart(rows),
  }
}

async function texts(
  { store, rollup }: StatsStore,
  question: StatsQuestion,
  read: ReadOptions,
): Promise<Found<EventText>> {
  const { visible, ...counted } = question
  const statement =
    visible.filter === '' ? rollup.eventTexts(counted) : scannedTextsStatement(scanned(question, 3600n), counted.limit)
  const { rows } = await store.select(statement, read)
  return {
    rows: rows.map(([text, facility, severity, count, first, last]) => ({
      text: String(text),
      facility: String(facility),
      severity: Number(severity),
      events: Number(count),
      firstNs: BigInt(String(first)),
      lastNs: BigInt(String(last)),
    })),
    isApproximate: visible.filter !== '' && isPart(rows),
  }
}

/** Statements over events themselves end each row with the number of those that they looked at. */
function isPart(rows: readonly unknown[][]): boolean {
  return Number(rows[0]?.at(-1) ?? 0) >= SCANNED_EVENTS_MAX
}

/** The same events as the rollup counts: whole minutes or hours. */
function scanned(question: StatsQuestion, stepSeconds: bigint): Condition {
  const { fromSeconds, toSeconds, visible } = question
  const first = BigInt(fromSeconds) / stepSeconds
  const last = BigInt(toSeconds) / stepSeconds
  const stepNs = stepSeconds * NS_PER_SECOND
  return joinConditions([
    within('timestamp', { fromNs: first * stepNs, toNs: (last + 1n) * stepNs }),
    ...scopeConditions(question),
    visibleCondition(visible.everything),
  ])
}

function scopeConditions({ facility, severities }: Pick<EventCountsOptions, 'facility' | 'severities'>): Condition[] {
  return [
    ...(facility === undefined ? [] : [{ sql: 'service = {facility_is:String}', params: { facility_is: facility } }]),
    ...(severities === undefined
      ? []
      : [{ sql: 'has({severity_in:Array(UInt8)}, severity)', params: { severity_in: severities } }]),
  ]
}

function doomedCondition(question: DeletionQuestion): Statement {
  const { beforeNs, settledNs, query } = question
  // Without the words of the sort key, which has none for times before 1970.
  const before = "timestamp < fromUnixTimestamp64Nano({timestamp_before:Int64}, 'UTC')"
  return joinConditions([
    { sql: before, params: { timestamp_before: beforeNs } },
    within('received', { toNs: settledNs }),
    ...scopeConditions(question),
    visibleCondition(query),
  ])
}

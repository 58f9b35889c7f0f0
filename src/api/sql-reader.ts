import { readLogEvent, type TimeRange } from '../query/query.ts'
import type { ReadOptions, Store } from '../store/store.ts'
import { countBuckets } from './bucket-counts.ts'
import type { EventReader, StoredEvent, Visible } from './event-reader.ts'
import { createSqlLogReader, type EventLogRollup } from './eventlog/sql-log-reader.ts'
import { readExtent } from './extent.ts'
import { countNames, countValues, type Rollup } from './field-counts.ts'
import { createSqlHostReader, type HostRollup } from './hosts/sql-host-reader.ts'
import type { StoreFigures } from './store-figures.ts'
import {
  equals,
  eventsStatement,
  within,
  type Condition,
  type EventsQuestion,
  type WalkQuestion,
} from './stored-events.ts'
import { storedTail } from './tail-store.ts'
import { timeWindows } from './time-windows.ts'
import { visibleSql } from './view.ts'

export interface SqlReaderOptions {
  store: Pick<Store, 'select' | 'stream' | 'texts' | 'delete' | 'deletions'>
  rollup: Rollup & EventLogRollup & HostRollup
  /** This server's name: tails read its events only. */
  node: string
  /** Longest time of one read of a tail. */
  timeoutMsMax: number
  figures: Pick<StoreFigures, 'extent'>
}

/** Asks the store. */
export function createSqlReader({ store, rollup, node, timeoutMsMax, figures }: SqlReaderOptions): EventReader {
  const windows = async (range: TimeRange, order: 'asc' | 'desc'): Promise<Iterable<TimeRange>> =>
    timeWindows(range, order, await figures.extent())
  const events = async (question: EventsQuestion, read: ReadOptions): Promise<StoredEvent[]> => {
    const { rows } = await store.select(eventsStatement(question), read)
    return rows.map(readLogEvent)
  }
  const walk = async ({ query, conditions, range, order, limit }: WalkQuestion, read: ReadOptions) => {
    const found: StoredEvent[] = []
    if (limit === 0) return found
    for (const window of await windows(range, order)) {
      const inWindow = [...conditions, within('timestamp', window)]
      const rest = { conditions: inWindow, by: 'timestamp', order, limit: limit - found.length } as const
      found.push(...(await events({ query, ...rest }, read)))
      if (found.length >= limit) break
    }
    return found
  }
  return {
    select: (query, rows, read) => store.select(visibleSql(query, rows).statement, read),
    stream: (query, rows, read) => store.stream(visibleSql(query, rows).statement, read),
    windows,
    times: (visible, signal, timeLeftMs) => readExtent({ store, figures }, visible, signal, timeLeftMs),
    bucketCounts: (question, read) => countBuckets(store, question, read),
    fieldNames: (question, read) => countNames({ store, rollup }, question, read),
    fieldValues: (question, read) => countValues({ store, rollup }, question, read),
    async find(id, visible, read) {
      const [found] = await events(questionOf(id, visible), read)
      return found
    },
    async neighbours(event, { order, limit }, visible, read) {
      const { timestampNs } = event
      const range = order === 'asc' ? { fromNs: timestampNs } : { toNs: timestampNs + 1n }
      const sameplace = [equals('source', event.source), equals('host', event.host), beyond(event, order)]
      return await walk({ query: visible.everything, conditions: sameplace, range, order, limit }, read)
    },
    tail: (question) => storedTail({ events, windows, node, timeoutMsMax }, question),
    textOf: (query, rows) => visibleSql(query, rows).statement.sql,
    eventlog: createSqlLogReader({ store, rollup, figures }),
    hosts: createSqlHostReader({ store, rollup, walk }),
    isStoreless: false,
  }
}

function questionOf(
  { receivedNs, node }: Pick<StoredEvent, 'receivedNs' | 'node'>,
  { everything }: Visible,
): EventsQuestion {
  const conditions = [equals('node', node), within('received', { fromNs: receivedNs, toNs: receivedNs + 1n })]
  return { query: everything, conditions, by: 'received', order: 'asc', limit: 1 }
}

/** After this event in the order, or before it. */
function beyond({ timestampNs, receivedNs, node }: StoredEvent, order: 'asc' | 'desc'): Condition {
  return {
    sql:
      `(timestamp, received, node) ${order === 'asc' ? '>' : '<'} (fromUnixTimestamp64Nano({at:Int64}, 'UTC'), ` +
      `fromUnixTimestamp64Nano({at_received:Int64}, 'UTC'), {at_node:String})`,
    params: { at: timestampNs, at_received: receivedNs, at_node: node },
  }
}

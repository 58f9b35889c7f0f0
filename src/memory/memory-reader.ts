import type { EventReader, StoredEvent, StoredReads, TailQuestion } from '../api/event-reader.ts'
import type { EventView } from '../core/batch.ts'
import type { Live } from '../live/live.ts'
import { createEvaluation, readLogEvent, toPredicate, type CheckedQuery, type RowOptions } from '../query/query.ts'
import type { ReadOptions, ReadStats } from '../store/store.ts'
import { countBuckets, countNames, countValues } from './counts.ts'
import { createMemoryLog } from './event-log.ts'
import { createMemoryHosts } from './hosts.ts'
import type { QueryMemory } from './query-memory.ts'
import type { Scan } from './scan.ts'
import { findTimes } from './times.ts'

export interface MemoryReaderOptions {
  live: Pick<Live, 'recent' | 'oldest' | 'completeFromNs'>
  node: string
  scan: Scan
  queryMemory: QueryMemory
  /** How far in the future a timestamp may lie. */
  futureSkewMaxNs: bigint
}

interface Run {
  query: CheckedQuery
  rows: RowOptions
  read: ReadOptions
  /** Events that the query is asked about at all. */
  isMeant?: (event: EventView) => boolean
  onScanned?: (stats: ReadStats) => void
}

/** Answers from the rings. */
export function createMemoryReader(options: MemoryReaderOptions): EventReader {
  const { live, node, scan, queryMemory } = options
  const counting = { scan, queryMemory, node }

  /** An empty item when every event was seen, then the rows. */
  async function* answer({ query, rows, read, isMeant, onScanned }: Run): AsyncGenerator<unknown[], void, undefined> {
    const pace = scan.pace(read)
    const { charge, release } = queryMemory.open()
    try {
      const evaluation = createEvaluation(query, { ...rows, node, charge })
      const stats = await scan.all((event) => {
        if (isMeant === undefined || isMeant(event)) evaluation.add(event)
      }, pace)
      onScanned?.(stats)
      yield []
      for (const row of evaluation.finish()) {
        if (row) yield row
        await pace.turn()
      }
    } finally {
      release()
    }
  }

  async function collect(run: Run): Promise<unknown[][]> {
    const found: unknown[][] = []
    for await (const item of answer(run)) found.push(item)
    return found.slice(1)
  }

  return {
    async select(query, rows, read) {
      let stats: ReadStats = { elapsedMs: 0, rowsRead: 0, bytesRead: 0 }
      const found = await collect({ query, rows, read, onScanned: (scanned) => (stats = scanned) })
      return { rows: found, stats }
    },
    stream: (query, rows, read) => answer({ query, rows, read }),
    // Every answer takes a look at all there is, so there is nothing to be won by windows.
    windows: async (range) => [range],
    times: ({ everything }, signal, timeLeftMs) =>
      findTimes(scan, scan.pace({ signal, timeoutMs: timeLeftMs() }), toPredicate(everything, { node })),
    bucketCounts: (question, read) => countBuckets(counting, question, read),
    fieldNames: (question, read) => countNames(counting, question, read),
    fieldValues: (question, read) => countValues(counting, question, read),
    async find(id, { everything }) {
      if (id.node !== node) return undefined
      const isVisible = toPredicate(everything, { node })
      const select = (event: EventView): StoredEvent | undefined =>
        isVisible(event) ? { ...event.toEvent(), node } : undefined
      const { items } = await live.oldest({ select, afterNs: id.receivedNs - 1n, throughNs: id.receivedNs, limit: 1 })
      return items[0]?.value
    },
    async neighbours(event, { order, limit }, { everything }, read) {
      if (limit === 0) return []
      const isMeant = (other: EventView): boolean =>
        other.text('source') === event.source && other.text('host') === event.host
      const rows = { limit, order, after: event }
      return (await collect({ query: everything, rows, read, isMeant })).map(readLogEvent)
    },
    tail: (question) => heldTail(live, question),
    textOf: () => undefined,
    eventlog: createMemoryLog(options),
    hosts: createMemoryHosts({
      counted: counting,
      select: async (query, rows, read, isMeant) => (await collect({ query, rows, read, isMeant })).map(readLogEvent),
    }),
    isStoreless: true,
  }
}

/** What the rings hold beside what is live. */
function heldTail<T>(live: MemoryReaderOptions['live'], { select, enter }: TailQuestion<T>): StoredReads<T> {
  const inPlace = async <Answer>(signal: AbortSignal, read: () => Promise<Answer>): Promise<Answer> => {
    const leave = await enter(signal)
    try {
      return await read()
    } finally {
      leave()
    }
  }
  return {
    readStored: ({ afterNs, throughNs, limit, signal }) =>
      inPlace(signal, async () => (await live.oldest({ select, afterNs, throughNs, limit })).items),
    backlogFromStore: ({ throughNs, limit, signal }) =>
      inPlace(signal, async () => (await live.recent({ select, afterNs: -1n, throughNs, limit })).items),
  }
}

/**
 * Every question that the routes ask about events, whoever answers: ClickHouse in SQL (`sql-reader.ts`), or memory
 * (another room, by this interface alone). What is asked is said in the words of the query language; how it is found is
 * the reader's own matter.
 */
import type { LogEvent } from '../core/event.ts'
import type { FollowOptions } from '../live/follow.ts'
import type { RowSelector } from '../live/live.ts'
import type { RowOptions, RowPosition, TimeRange } from '../query/query.ts'
import type { ReadOptions, ReadStats } from '../store/store.ts'
import type { EventLogReader } from './eventlog/log-reader.ts'
import type { HostReader } from './hosts/host-reader.ts'
import type { Buckets } from './intervals.ts'
import type { View, VisibleQuery } from './view.ts'

/** An event and the node that took it. */
export interface StoredEvent extends LogEvent {
  node: string
}

/** The events that may be seen. Where nothing limits them, what is known about all events may answer. */
export type Visible = Pick<View, 'everything' | 'filter'>

/** Timestamps of the oldest and the newest event, both inclusive. */
export interface EventTimes {
  oldestNs: bigint
  newestNs: bigint
}

export interface BucketCount {
  /** Number of the bucket, from 0. */
  bucket: number
  /** `undefined`: all values that are not counted apart. */
  value: string | undefined
  events: number
}

export interface BucketQuestion {
  /** Events that its filter and `where` pipes select, within the buckets' range. */
  query: VisibleQuery
  range: Required<TimeRange>
  buckets: Buckets
  /** Own name of the field whose values are counted apart: levels all, of others the most frequent ones. */
  by: string
  valuesMax: number
}

export interface FieldsQuestion {
  visible: Visible
  range: TimeRange
  limit: number
}

export interface ValuesQuestion {
  visible: Visible
  /** Only among the events that this selects; `undefined`: among all that may be seen. */
  query: VisibleQuery | undefined
  /** Own name of the field. */
  field: string
  /** What values begin with, in any case. */
  prefix: string
  range: TimeRange
  limit: number
}

export interface Counted {
  /** The most frequent first. */
  counts: { name: string; events: number }[]
  /** Estimated, by whole hours, or of a part of the events. */
  isApproximate: boolean
}

export interface TailQuestion<T> {
  query: VisibleQuery
  /** The same selector that live events pass. It may ask for more than the filter does: pipes are only here. */
  select: RowSelector<T>
  /** Waits for a place among the queries of this reader; resolves to what gives it back. */
  enter: (signal: AbortSignal) => Promise<() => void>
}

/** What a tail reads beside what is live. */
export type StoredReads<T> = Pick<FollowOptions<T>, 'readStored' | 'backlogFromStore'>

/** Answers in the words of `Store`: the same errors, and rows as JSONCompact has them, for `readEventRow` and the like. */
export interface EventReader {
  /** The rows of a search, or of the table that the query makes. */
  select(query: VisibleQuery, rows: RowOptions, read: ReadOptions): Promise<{ rows: unknown[][]; stats: ReadStats }>
  /** The same row by row as they are taken. The first item comes when the answer is certain to begin, and is no row. */
  stream(query: VisibleQuery, rows: RowOptions, read: ReadOptions): AsyncIterable<unknown[]>
  /** The windows of time in which a search reads best, one after the other. Together they are the range. */
  windows(range: TimeRange, order: 'asc' | 'desc'): Promise<Iterable<TimeRange>>
  /** `undefined` when no event may be seen. `timeLeftMs` is asked before each step. */
  times(visible: Visible, signal: AbortSignal, timeLeftMs: () => number): Promise<EventTimes | undefined>
  bucketCounts(question: BucketQuestion, read: ReadOptions): Promise<BucketCount[]>
  fieldNames(question: FieldsQuestion, read: ReadOptions): Promise<Counted>
  fieldValues(question: ValuesQuestion, read: ReadOptions): Promise<Counted>
  /** The event with this id, if it may be seen. */
  find(
    id: Pick<RowPosition, 'receivedNs' | 'node'>,
    visible: Visible,
    read: ReadOptions,
  ): Promise<StoredEvent | undefined>
  /** The nearest events of the same source and host before (`desc`, newest first) or after (`asc`) this one. */
  neighbours(
    event: StoredEvent,
    nearest: { order: 'asc' | 'desc'; limit: number },
    visible: Visible,
    read: ReadOptions,
  ): Promise<StoredEvent[]>
  tail<T>(question: TailQuestion<T>): StoredReads<T>
  /** What is asked for such a search, where it is a text. */
  textOf(query: VisibleQuery, rows: RowOptions): string | undefined
  /** The same for the routes of the event log. */
  readonly eventlog: EventLogReader
  /** The same for the routes about hosts. */
  readonly hosts: HostReader
  /** There is nothing to read beside the rings: what they have lost is gone. */
  readonly isStoreless: boolean
}

/** Every question that the routes of the event log ask, whoever answers: ClickHouse in SQL, or memory. */
import type { EventCountsOptions, CountedBy } from '../../store/eventlog-stats.ts'
import type { DeletionAnswer, DeletionsKnown, ReadOptions } from '../../store/store.ts'
import type { Visible } from '../event-reader.ts'
import type { VisibleQuery } from '../view.ts'
import type { PageScope } from './page-question.ts'
import type { Page } from './page-time.ts'

/** Of page times: half-open, nanoseconds since 1970. */
export interface PageRange {
  fromNs: bigint
  toNs: bigint
}

/** What stands between two events of a page. */
export type Separator = ',\n' | '\n'

export type PageText = string | Uint8Array

export interface PageSlot {
  /** Its number: page time divided by the length of a slot. */
  slot: bigint
  count: number
}

export interface OpenedPage {
  count: number
  /**
   * All events as JSON texts in the order of page time, received time and node, with the separator between two of them
   * and none at the ends: in whatever parts, as text or as bytes.
   */
  texts(separator: Separator): AsyncIterable<PageText>
  /** Gives back what it holds. */
  close(): void
}

/** Page times. */
export interface Nearest {
  prevNs: bigint | undefined
  nextNs: bigint | undefined
}

export interface StatsQuestion extends EventCountsOptions {
  visible: Visible
}

/** Of the keys those that were asked for. */
export interface EventCount {
  events: number
  facility: string | undefined
  severity: number | undefined
  /** Start of the day, hour or minute, since 1970. */
  seconds: bigint | undefined
}

export interface EventText {
  text: string
  facility: string
  severity: number
  events: number
  firstNs: bigint
  lastNs: bigint
}

export interface Found<T> {
  rows: T[]
  /** A part of the events was looked at. */
  isApproximate: boolean
}

export interface DeletionQuestion {
  /** Timestamps before this. */
  beforeNs: bigint
  /** Received before this: what comes later is left alone. */
  settledNs: bigint
  facility: string | undefined
  severities: readonly number[] | undefined
  query: VisibleQuery
  /** Who asks. */
  by: string
  /** The conditions as they were asked, for people. */
  what: string
  /** Only counts. */
  isDryRun: boolean
  /** How long to wait for the end. */
  timeoutMs: number
}

/** Answers in the words of `Store`: the same errors. */
export interface EventLogReader extends Pick<DeletionsKnown, 'touching'> {
  /** Slots of `stepNs` that are not empty, in order. */
  slots(scope: PageScope, range: PageRange, stepNs: bigint, read: ReadOptions): Promise<PageSlot[]>
  /** Counts; `texts` then reads. Close it, whatever comes of it. */
  page(scope: PageScope, page: Page, read: ReadOptions): Promise<OpenedPage>
  /** The last page time before the page, and the first behind it that lies before `endNs`. */
  nearest(scope: PageScope, page: PageRange, endNs: bigint, read: ReadOptions): Promise<Nearest>
  counts(by: readonly CountedBy[], question: StatsQuestion, read: ReadOptions): Promise<Found<EventCount>>
  /** The most frequent first. */
  texts(question: StatsQuestion, read: ReadOptions): Promise<Found<EventText>>
  /** STORAGE_IN_MEMORY where nothing can be deleted. */
  delete(question: DeletionQuestion): Promise<DeletionAnswer>
  /** Page time from which on nothing is missing; `undefined`: nothing is but what was deleted or had its time. */
  readonly completeFromNs: bigint | undefined
}

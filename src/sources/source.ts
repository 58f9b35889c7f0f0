/**
 * sources: one folder per protocol, each turning bytes into EventBatches for the sink. A source gets a `SourceContext`
 * with all it may touch, and knows no other source, no pipeline, store or API. The list is in `registry.ts`; `http/`
 * is the example to follow.
 *
 * Rules every source keeps (the contract suite checks them): bad input never throws and is rejected with a reason and
 * counted in `ingest_rejected_total{source,reason}`; nothing is acknowledged before the sink's `write` has resolved;
 * acknowledged events are counted in `ingest_events_total{source}`.
 */
import type { FastifyInstance } from 'fastify'
import type { AgentReport } from '../core/agent.ts'
import type { BatchPool } from '../core/batch-pool.ts'
import type { EventView } from '../core/batch.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { Principal } from '../core/principal.ts'
import type { Sink } from '../core/sink.ts'
import type { BodyLimits } from '../net/decompress.ts'
import { EVENT_LIMITS, type EventLimits } from '../wire/transcode/limits.ts'

/** All that a source may touch. */
export interface SourceContext {
  /** Where events of this principal go: what its key stamps on them is done there. */
  sinkFor: (principal: Principal) => Sink
  /** Where empty batches come from; the sink gives them back. */
  batches: Pick<BatchPool, 'take'>
  counters: Counters
  logger: Logger
  /** Now, nanoseconds since 1970. */
  clock: () => bigint
  /** Name of this machine: the host of events that come from it without saying where they are from. */
  hostname: string
  limits: SourceLimits
  /**
   * Values of an attribute of the newest events of a source that were stored before this server started: those received
   * within `windowMs` of the newest one, `valuesMax` at most. Resolves when what waited for the store has got there.
   */
  recentValues: (question: RecentValues) => Promise<string[]>
  /** Where a source may keep what it has to remember across restarts; without it, it remembers nothing. */
  stateDir?: string
  /** Other servers may write to the same store. */
  isStoreShared?: boolean
  /** Where agents are listed for the status. */
  agents?: AgentRoll
}

export interface RecentValues {
  /** Of any source without. */
  source?: string
  attribute: string
  windowMs: number
  /** Those received since then, instead of a window. */
  sinceNs?: bigint | undefined
  /** Only of events in which another attribute has this value. */
  where?: { attribute: string; value: string }
  valuesMax: number
}

/** What bounds submissions to the event log. */
export interface EventlogLimits {
  /** Whose time an event bears. */
  timestamps: 'client' | 'server'
  /** How long a repeated submission is known. */
  repeatWindowMs: number
  /** Ids remembered for that. */
  idsMax: number
  /** Largest body of one submission, after decompression. */
  bodyBytesMax: number
  /** Bodies of all submissions under way together. */
  bytesMax: number
}

/** What bounds deliveries of agents. */
export interface AgentLimits {
  /** Agents that are told apart. */
  agentsMax: number
  /** One that was not heard of for so long is no longer listed. */
  absentMsMax: number
  /** Largest body of one delivery, after decompression, and most rows in it. */
  bodyBytesMax: number
  rowsMax: number
  /** Bodies of all deliveries under way together. */
  bytesMax: number
  /** Where nothing was saved, deliveries are looked for among the events of so long before the newest. */
  recallWindowMs: number
  /** Deliveries that are looked for after a crash. */
  recallMax: number
  /** A delivery that another server may have taken is looked for in a shared store among the events of so long. */
  lookBackMs: number
}

/** Agents that were heard of; what status shows of them. */
export interface AgentRoll {
  report(report: AgentReport): void
  delivered(agent: string, events: number): void
}

export interface SourceLimits extends BodyLimits {
  /** What bounds one event. */
  event: EventLimits
  /** Requests whose body is being taken at the same time; more are answered 429. */
  requestsMax: number
  /** Rows are handed to the sink in batches of about this size. */
  batchBytes: number
  /** Bytes of one request that may wait for the sink; reading pauses beyond that. */
  unacknowledgedBytesMax: number
  /** Batches being filled in all requests together; with many requests each one's batches become smaller. */
  batchesBytesMax: number
  /** Rejected lines that one answer lists; all are counted. */
  rejectsListedMax: number
  /** How far in the future a timestamp may lie. */
  futureSkewMaxNs: bigint
  eventlog: EventlogLimits
  agent: AgentLimits
}

export const SOURCE_LIMITS: SourceLimits = {
  event: EVENT_LIMITS,
  bodyBytesMax: 4 * 1024 ** 3,
  decompressedBytesMax: 16 * 1024 ** 3,
  compressionRatioMax: 500,
  requestsMax: 4096,
  batchBytes: 1024 * 1024,
  unacknowledgedBytesMax: 16 * 1024 * 1024,
  batchesBytesMax: 128 * 1024 * 1024,
  rejectsListedMax: 100,
  futureSkewMaxNs: 600_000_000_000n,
  eventlog: {
    timestamps: 'client',
    repeatWindowMs: 3_600_000,
    idsMax: 1_000_000,
    bodyBytesMax: 16 * 1024 * 1024,
    bytesMax: 256 * 1024 * 1024,
  },
  agent: {
    agentsMax: 10_000,
    absentMsMax: 30 * 86_400_000,
    bodyBytesMax: 32 * 1024 * 1024,
    rowsMax: 262_144,
    bytesMax: 256 * 1024 * 1024,
    recallWindowMs: 3_600_000,
    recallMax: 1_000_000,
    lookBackMs: 600_000,
  },
}

/** A source that rides on the main HTTP server. */
export interface HttpSource {
  /** Folder name, label of its counters, and the `source` field of events that bring none. */
  name: string
  /** Adds its routes. Events flow once the server listens. */
  attach(app: FastifyInstance, context: SourceContext): void
}

/** A source with listeners of its own. */
export interface ListeningSource<Settings> {
  /** As that of `HttpSource`; also the name of its listener. */
  name: string
  /** Resolves once it listens. Rejects with LISTEN_FAILED when an address cannot be had. */
  listen(context: ListenContext, settings: Settings): Promise<SourceListener>
}

/** A source that goes to where its events are: that of an agent. */
export interface FollowingSource<Options, Followed> {
  name: string
  /** Resolves once everything that is there was looked at. */
  follow(options: Options): Promise<Followed>
}

export type SourceDefinition = HttpSource | ListeningSource<never> | FollowingSource<never, unknown>

/** Whether it has nothing but routes, and needs nothing but the context of all sources. */
export function isHttpSource(source: SourceDefinition): source is HttpSource {
  return 'attach' in source && !('listen' in source)
}

export interface SourceListener {
  /** Where it listens, as it is shown: `127.0.0.1:6102`. */
  address: string
  /** Stops taking anything; resolves when all that was taken is durable or refused. */
  close(): Promise<void>
}

export interface ListenContext extends SourceContext {
  reading: Reading
}

/** What a protocol that also answers questions may ask: the newest events, from memory, and those to come. */
export interface Reading {
  /**
   * Walks back from the newest event through what is in memory of the services whose names begin with the prefix, in
   * slices, with a turn of the event loop between two of them.
   */
  newestFirst<T>(options: NewestOptions<T>): AsyncIterable<NewestSlice<T>>
  /** Events that become durable after this call. */
  subscribe<T>(options: ReadingOptions<T>): EventSubscription<T>
}

export interface NewestOptions<T> {
  servicePrefix: string
  /** What a reader gets of an event; `undefined`: nothing. */
  select: (event: EventView) => T | undefined
}

export interface NewestSlice<T> {
  /** Newest first. */
  items: readonly { value: T }[]
  /** Events that had to make room for newer ones before the walk came to them, since the last slice. */
  missed: number
}

export interface ReadingOptions<T> {
  select: (event: EventView) => T | undefined
  /** Events that may wait for this reader; beyond that the oldest are skipped and counted. */
  bufferEventsMax: number
}

export interface EventSubscription<T> {
  /** What waits, in order, after `skipped` events that were lost to a slow reader; `undefined` after `close`. */
  take(): Promise<{ items: readonly { value: T }[]; skipped: number } | undefined>
  close(): void
}

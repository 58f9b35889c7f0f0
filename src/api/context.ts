import type { Access } from '../access/access.ts'
import type { AgentStatus } from '../core/agent.ts'
import type { AuditAgent } from '../core/audit-agent.ts'
import type { AuditTrail } from '../core/audit.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { follow } from '../live/follow.ts'
import type { Live } from '../live/live.ts'
import type { Spool } from '../spool/spool.ts'
import type { Saved } from '../saved/saved.ts'
import type { Store } from '../store/store.ts'
import type { EventReader } from './event-reader.ts'
import type { PageFiles } from './page.ts'
import type { Status } from './status-schema.ts'
import type { StoreFigures } from './store-figures.ts'

/** Everything the routes may touch. Built by `app`, given to `registerApi`; the routes know nothing else. */
export interface ApiContext {
  store: Pick<Store, 'status' | 'isReady'>
  /** Opens what answers the questions about events. `figures` are those of the store. */
  openReader: (figures: StoreFigures) => EventReader
  live: Pick<Live, 'status' | 'subscribe' | 'recent' | 'completeFromNs' | 'publishedThroughNs'>
  /** Live's own. */
  follow: typeof follow
  spool: Pick<Spool, 'status' | 'storedThroughNs' | 'durableThroughNs' | 'waitStored'>
  counters: Counters
  logger: Logger
  access: Pick<
    Access,
    'isOpen' | 'keys' | 'identify' | 'createToken' | 'openSession' | 'closeSession' | 'sessionExpires' | 'status'
  >
  audit: AuditTrail
  /** What people keep on the server. */
  saved: Pick<Saved, 'searches' | 'shares'>
  retention: RetentionSettings
  /** This server's name: the `node` column of what it takes, the second half of its event ids. */
  node: string
  version: string
  /** The page's files; empty where it was not built. */
  page: PageFiles
  /** When this process began, nanoseconds since 1970. */
  startedNs: bigint
  /** Now, nanoseconds since 1970. */
  clock: () => bigint
  /** Where this server listens: source name → address. Asked for at each use, since listeners come and go. */
  listeners: () => Readonly<Record<string, string>>
  /** What the listeners with TLS show; `undefined` without TLS. */
  tls?: () => { kind: string; fingerprint: string; notAfterMs: number } | undefined
  /** Live streams by state, what they take on disk of what they may, and who reads and writes. */
  streams: () => Status['streams']
  /** Agents that deliver here. */
  agents?: () => readonly AgentStatus[]
  /** Who sends audit records. */
  auditAgents?: () => readonly AuditAgent[]
  /** How long after its end a page of the event log is still open. */
  eventlog: { graceNs: bigint }
  limits: ApiLimits
}

/** A rule as it is shown and asked for: `age` as a person writes it, such as 2d; 0: for ever. */
export interface RetentionRuleText {
  filter: string
  age: string
}

/** What a rule would delete if it was applied now. */
export interface DoomedEvents extends RetentionRuleText {
  events: number
  /** On disk, about: as much as other events of the same days take. */
  bytes: number
  /** Timestamps; null where there are none. */
  oldest: string | null
  newest: string | null
}

/** How long events are kept: what the configuration says, and rules that are set while the server runs. */
export interface RetentionSettings {
  /** `revision` tells one state of the rules from others. Rules of the configuration come first and cannot be changed here. */
  current(): {
    ageMs: number
    diskBytes: number
    configured: RetentionRuleText[]
    rules: RetentionRuleText[]
    revision: string
  }
  /** Puts these in the place of all that can be changed. REQUEST_INVALID, SAVED_CHANGED, SAVED_WRITE_FAILED. */
  change(rules: readonly RetentionRuleText[], revision: string): Promise<void>
  /**
   * What all rules would delete now if those that can be changed were these: those of the configuration first; `*` is
   * what no rule selects. REQUEST_INVALID, STORE_*, QUERY_TIMEOUT.
   */
  preview(rules: readonly RetentionRuleText[], signal: AbortSignal): Promise<DoomedEvents[]>
}

/** What bounds the reading side. Every one is visible in `/api/v1/status`. */
export interface ApiLimits {
  /** Largest body of a request; by default longer than any query may be, so that the query room says what is wrong. */
  bodyBytesMax: number
  /** Store queries at the same time; further ones wait. */
  queriesMax: number
  /** Store queries at the same time with one key; further ones wait. */
  queriesPerKeyMax: number
  /** NDJSON and CSV answers at the same time; they have places of their own, since their readers may be slow. */
  streamsMax: number
  /** Requests that may wait for their turn; further ones are answered 429. */
  queriesWaitingMax: number
  /** How long one may wait for its turn before it is answered 429. */
  queryWaitMsMax: number
  /** Longest time the store may take for one answer, or for one piece of a streamed one; `timeout` may ask for less. */
  queryTimeoutMsMax: number
  /** Highest `limit` of a JSON answer, which is built in memory. */
  jsonEventsMax: number
  /** Highest `limit` of an NDJSON or CSV answer, which is streamed. */
  streamEventsMax: number
  /** Tails open at the same time; further ones are answered 429. */
  tailsMax: number
  /** Tails open at the same time with one key. */
  tailsPerKeyMax: number
  /** Highest `backlog` of a tail. */
  tailBacklogMax: number
  /** Events that may wait for one slow tail; beyond that they are skipped and counted. */
  tailBufferEvents: number
  /** Queries that take as long are remembered, and shown in the status. */
  slowQueryMs: number
  /** How many different ones. */
  slowQueriesMax: number
}

export const DEFAULT_API_LIMITS: ApiLimits = {
  bodyBytesMax: 1024 * 1024,
  queriesMax: 8,
  queriesPerKeyMax: 8,
  streamsMax: 4,
  queriesWaitingMax: 64,
  queryWaitMsMax: 10_000,
  queryTimeoutMsMax: 60_000,
  jsonEventsMax: 10_000,
  streamEventsMax: 10_000_000,
  tailsMax: 200,
  tailsPerKeyMax: 200,
  tailBacklogMax: 10_000,
  tailBufferEvents: 10_000,
  slowQueryMs: 1000,
  slowQueriesMax: 50,
}

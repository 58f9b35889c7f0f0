import type { EventView } from '../../core/batch.ts'
import type { Principal } from '../../core/principal.ts'
import type { PacketLayout } from '../../wire/logd/packet.ts'

export interface LogdSettings {
  host: string
  /** 0: any free one. */
  port: number
  /** Secrets of v1 and v2, and with the key ids `read` and `write` of v3. Empty: that direction is closed. */
  readSecret: string
  writeSecret: string
  /** A direction without secret is open to everybody instead. */
  isInsecure: boolean
  windows: Readonly<Record<PacketLayout, TimeWindow>>
  limits: LogdLimits
  /** Keys of v3 beside the secrets; asked for each packet, so that a revoked key is so at once. */
  keyOf: (keyId: string) => LogdKey | undefined
}

/** How far the time of a packet may be from the server's when it arrives. */
export interface TimeWindow {
  pastMs: number
  futureMs: number
}

/** The same object as long as nothing about the key has changed. */
export interface LogdKey {
  /** What its packets are signed with. */
  key: Uint8Array
  /** Its role decides what it may do, its stamps are put on what it writes. */
  principal: Principal
  /** Whether it may be used from this address; absent: from everywhere. */
  allows?: (address: string) => boolean
  /** Which events it may read; absent: all. */
  matches?: (event: EventView) => boolean
  /** Told of each packet that it has signed. */
  noteUse?: () => void
}

export const LOGD_WINDOWS: Readonly<Record<PacketLayout, TimeWindow>> = {
  v1: { pastMs: 100, futureMs: 100 },
  v2: { pastMs: 200, futureMs: 0 },
  v3: { pastMs: 30_000, futureMs: 30_000 },
}

export interface LogdLimits {
  /** Signatures remembered in order to know replays; with more of them packets are dropped. */
  signaturesMax: number
  /** Bytes of events that wait to become durable; with more of them packets are dropped. */
  unacknowledgedBytesMax: number
  /** What the kernel is asked to keep while this process is busy. */
  receiveBufferBytes: number
  /** Addresses that tail at once. */
  tailsMax: number
  /** Messages that wait for one tail before it skips. */
  tailBufferEventsMax: number
  /** Queries that are answered at once; further ones are dropped. */
  queriesMax: number
  /** Messages that one query may ask for; also what it gets when it does not say. */
  queryMessagesMax: number
  /** How long a query waits for events that were received before it to become durable, and so be found. */
  queryWaitMsMax: number
  /** Addresses that have been sent something lately. */
  addressesMax: number
  /** Largest datagram that is sent. Texts that do not fit are cut, and say so. */
  answerBytesMax: number
  /** What one address is sent in a second, all its tails and queries together, and how much of it at once. */
  answerBytesPerSecondMax: number
  answerBurstBytes: number
  /** Datagrams to one address within a millisecond. */
  answersPerMsMax: number
  /** A tail without ping for so long is kicked; looked at every so often. */
  pingMsMax: number
  sweepMs: number
  /** Longest time that a row waits for others on its way to the sink, and the same while much is coming. */
  flushMs: number
  busyFlushMs: number
  /** Rows are handed to the sink in batches of about this size. */
  batchBytes: number
  /** How long a packet may have waited in the kernel without that making it too old. */
  arrivalWaitMsMax: number
}

export const LOGD_LIMITS: LogdLimits = {
  signaturesMax: 2_000_000,
  unacknowledgedBytesMax: 32 * 1024 * 1024,
  receiveBufferBytes: 16 * 1024 * 1024,
  tailsMax: 100,
  tailBufferEventsMax: 10_000,
  queriesMax: 16,
  queryMessagesMax: 100_000,
  queryWaitMsMax: 200,
  addressesMax: 4096,
  answerBytesMax: 1460,
  answerBytesPerSecondMax: 4 * 1024 * 1024,
  answerBurstBytes: 512 * 1024,
  answersPerMsMax: 128,
  pingMsMax: 6000,
  sweepMs: 2000,
  flushMs: 10,
  // Each batch becomes a file, whose cost is that of a hundred packets.
  busyFlushMs: 40,
  batchBytes: 1024 * 1024,
  arrivalWaitMsMax: 2000,
}

/** Why a datagram, or an event in it, was not taken. Label of `logd_dropped_total` and `ingest_rejected_total`. */
export const DROP_REASONS = [
  'short',
  'signature',
  'stale',
  'future',
  'replay',
  'decode',
  'key',
  'overload',
  'refused',
] as const
export type DropReason = (typeof DROP_REASONS)[number]

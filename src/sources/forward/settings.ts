import type { Principal } from '../../core/principal.ts'
import type { StreamAddress } from '../../net/stream-listener.ts'
import type { TlsListener, TlsMaterial } from '../../net/tls.ts'
import type { AuditAgents } from './agents.ts'

export interface ForwardSettings {
  address: StreamAddress
  /** What a `tls` address shows, and who is told when it changes. */
  tls?: { material: TlsMaterial; attach(listener: TlsListener): void } | undefined
  /** Shows that a sender may write. Empty: only keys do. */
  sharedKey: string
  /** Everybody may write without showing anything. */
  isInsecure: boolean
  /** Who everybody is while there are no keys; `undefined`: there are. */
  openPrincipal: () => Principal | undefined
  /** Keys that senders may show, by id; asked at each handshake. */
  keyOf: (keyId: string) => ForwardKey | undefined
  agents: AuditAgents
  limits: ForwardLimits
}

export interface ForwardKey {
  /** Its base64url is the password, and the shared key of senders that have no other. */
  key: Uint8Array
  principal: Principal
  /** Whether it may be used from this address. */
  allows: (address: string) => boolean
  /** Told of each sender that has proven to have it. */
  noteUse?: () => void
}

export interface ForwardLimits {
  connectionsMax: number
  /** One message as sent, and the same after decompression. */
  messageBytesMax: number
  /** Arrays and maps within one another. */
  depthMax: number
  /** What has come of messages that are not whole yet, of all connections. */
  bufferBytesMax: number
  /** Events that wait to become durable; with more of them reading pauses. */
  unacknowledgedBytesMax: number
  /** A message that was begun has to go on within this time. */
  messageIdleMs: number
  /** The handshake has to be over within this time. */
  handshakeMs: number
  /** Connections are looked at for that every so often. */
  sweepMs: number
  /** Messages that are decompressed at the same time. */
  decompressionsMax: number
  /** Chunks that were stored lately: sent again, byte for byte, they are acknowledged and not stored again. */
  chunksMax: number
  chunkMs: number
  /** How long chunks wait for it to be known what was stored before the start. */
  recallMs: number
  /** Tags whose origin is remembered for each connection. */
  tagsMax: number
  tagBytesMax: number
  /** Longest id of a chunk. */
  chunkIdCharsMax: number
  /** One message of a sender that has not been let in yet. */
  handshakeBytesMax: number
  /** Acknowledgements that a sender may leave unread. */
  answerBytesMax: number
  /** How long the last answers of a connection that is closed may take to leave. */
  lastAnswerMs: number
  /** A connection has its turn for so many bytes before others get theirs. */
  turnBytes: number
  /** Longest time that a row without acknowledgement waits for others, and the same while much is coming. */
  flushMs: number
  busyFlushMs: number
  /** What is to be acknowledged, while much is coming, waits this long; else for the end of the turn. */
  waitedFlushMs: number
  /** Rows are handed to the sink in batches of about this size. */
  batchBytes: number
  /** After a refusal for want of room what needs no acknowledgement is tried again after this time. */
  retryMs: number
  /** Permissions of a socket in the file system. */
  unixMode: number
}

export const FORWARD_LIMITS: ForwardLimits = {
  connectionsMax: 1000,
  messageBytesMax: 64 * 1024 * 1024,
  depthMax: 64,
  bufferBytesMax: 256 * 1024 * 1024,
  unacknowledgedBytesMax: 32 * 1024 * 1024,
  messageIdleMs: 60_000,
  handshakeMs: 10_000,
  sweepMs: 2000,
  decompressionsMax: 2,
  chunksMax: 20_000,
  chunkMs: 10 * 60_000,
  recallMs: 10_000,
  tagsMax: 128,
  tagBytesMax: 1024,
  chunkIdCharsMax: 1024,
  handshakeBytesMax: 4096,
  answerBytesMax: 1024 * 1024,
  lastAnswerMs: 5000,
  turnBytes: 512 * 1024,
  flushMs: 10,
  busyFlushMs: 40,
  waitedFlushMs: 10,
  batchBytes: 1024 * 1024,
  retryMs: 1000,
  unixMode: 0o660,
}

/** Why a connection was closed. Label of `forward_connections_closed_total` and `ingest_rejected_total`. */
export type CloseReason =
  | 'reserved'
  | 'too_deep'
  | 'too_large'
  | 'not_forward'
  | 'bad_packed'
  | 'bad_extension'
  | 'tag_too_long'
  | 'chunk_too_long'
  | 'compression'
  | 'truncated'
  | 'stalled'
  | 'buffer_full'
  | 'handshake'
  | 'signature'
  | 'ended'
  | 'slow_reader'
  | 'refused'

import type { Principal } from '../../core/principal.ts'
import type { StreamAddress } from '../../net/stream-listener.ts'
import type { TlsListener, TlsMaterial } from '../../net/tls.ts'

export type SyslogAddress = StreamAddress | { protocol: 'udp'; host: string; port: number }

export interface SyslogSettings {
  address: SyslogAddress
  /** What a `tls` address shows, and who is told when it changes. */
  tls?: { material: TlsMaterial; attach(listener: TlsListener): void } | undefined
  /** On whose behalf messages are taken; `undefined`: not any more. The same object as long as nothing has changed. */
  principal: () => Principal | undefined
  /** Whether messages from this address are taken. Not asked about sockets in the file system. */
  allows: (address: string) => boolean
  /** Of times that do not say. */
  timeZone: string
  limits: SyslogLimits
}

export interface SyslogLimits {
  /** Longer messages are cut, and say so. */
  messageBytesMax: number
  /** Open connections; further ones are closed at once. */
  connectionsMax: number
  /** Events that wait to become durable; with more of them streams are read no further, and datagrams are dropped. */
  unacknowledgedBytesMax: number
  /** What the kernel is asked to keep of datagrams while this process is busy. */
  receiveBufferBytes: number
  /** Longest time for a handshake of TLS. */
  handshakeMs: number
  /** How long a row waits for others on its way to the sink. */
  flushMs: number
  /** Rows are handed to the sink in batches of about this size. */
  batchBytes: number
  /** After a refusal for want of room a batch is tried again after this time. */
  retryMs: number
  /** How often the kernel is asked what it dropped. */
  sweepMs: number
  /** Senders whose name is remembered. */
  sendersMax: number
  /** Permissions of a socket in the file system. */
  unixMode: number
}

export const SYSLOG_LIMITS: SyslogLimits = {
  messageBytesMax: 64 * 1024,
  connectionsMax: 1000,
  unacknowledgedBytesMax: 32 * 1024 * 1024,
  receiveBufferBytes: 4 * 1024 * 1024,
  handshakeMs: 10_000,
  flushMs: 10,
  batchBytes: 1024 * 1024,
  retryMs: 1000,
  sweepMs: 2000,
  sendersMax: 1000,
  unixMode: 0o660,
}

/** Why a message, or a connection with all that would have come, was not taken. Label of `ingest_rejected_total`. */
export type SyslogReason = 'address' | 'key' | 'empty' | 'overload' | 'refused'

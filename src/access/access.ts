/**
 * access: who may write, read and administer: keys, and what goes back to one: sessions, tokens, signed requests. One
 * table for every door. It must never know routes, sockets or query text (a filter is a text that `checkFilter` has an
 * opinion about). Start here: these are its doors.
 */
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { Principal, Role } from '../core/principal.ts'
import type { KeyDeed } from './key-file.ts'

/** The head of a request, as far as it tells who sends it. Header names in lower case, as node:http gives them. */
export interface RequestHead {
  method: string
  /** Path and query as sent, before any decoding. */
  url: string
  headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Names and values in turn, as they came: shows headers that were sent twice. */
  rawHeaders: readonly string[]
  /** Address of the sender. */
  address: string
}

export interface Identity {
  principal: Principal
  /** SHA-256 that the body has to have before anything of it is used: only of signed requests. */
  bodySha256?: Buffer
}

/** What a key may do. */
export interface KeyRights {
  role: Role
  /** For `read`: a filter in the query language. */
  filter?: string
  /** For `write`: field → value. */
  stamps?: Readonly<Record<string, string>>
  /** IP addresses and CIDR ranges that it may be used from; none: from everywhere. */
  addresses?: readonly string[]
}

export interface NewKey extends KeyRights {
  /** Up to 100 characters, for people. */
  name?: string
  /** Milliseconds from now on. */
  expiresInMs?: number
}

/** A key as it may be shown: without its secret. Times are RFC 3339. */
export interface KeyInfo {
  id: string
  name: string
  role: Role
  filter: string
  stamps: Record<string, string>
  addresses: string[]
  created: string
  /** Name of the key that made it, `command line`, `first start`, or empty for anybody while the server was open. */
  createdBy: string
  expires: string | null
  revoked: string | null
  /** Since the server started; null: not yet. */
  lastUsed: string | null
}

export interface KeyTable {
  /** Oldest first, revoked and expired ones included. */
  list(): KeyInfo[]
  /**
   * Makes a key; the text of it is never told again. Resolves once it is on disk and valid. Rejects with
   * REQUEST_INVALID naming what is wrong, KEYS_FULL, and KEYS_WRITE_FAILED when nothing has changed.
   */
  create(key: NewKey, createdBy: string): Promise<{ key: string; info: KeyInfo }>
  /**
   * Ends a key and everything that goes back to it, at once. KEY_NOT_FOUND, KEYS_WRITE_FAILED; revoking twice is no
   * error.
   */
  revoke(id: string): Promise<KeyInfo>
}

export interface NewToken extends Partial<KeyRights> {
  /** Milliseconds from now on. */
  expiresInMs: number
}

export interface PacketKey {
  key: Uint8Array
  principal: Principal
  /** Whether it may be used from this address. */
  allows(address: string): boolean
  /** To be told when somebody has used it: that its id is asked for proves nothing. */
  noteUse(): void
}

export interface ForeignChange {
  action: 'created' | 'revoked'
  key: KeyInfo
}

export interface AccessStatus {
  open: boolean
  /** Keys that are valid now, by role. */
  keys: Record<Role, number>
}

export interface Access {
  /** There never was a key: everybody may do everything. */
  readonly isOpen: boolean
  readonly keys: KeyTable
  /**
   * Who sends this request. Throws KEY_REQUIRED (shows nothing), KEY_REFUSED (what is shown is not valid, for whatever
   * reason: unknown, wrong, revoked, expired, from another address), SIGNATURE_REFUSED (time, replay or value),
   * TOO_MANY_REQUESTS (no room to remember another signature), KEYS_WRITE_FAILED (one that is ahead of the clock could
   * not be saved) or REQUEST_INVALID (shows two things, headers twice).
   */
  identify(head: RequestHead): Identity
  /**
   * What packets of this key are signed with, for doors that are no HTTP: of valid keys with role write. The same object
   * as long as nothing about the key has changed; whoever uses it asks `allows` for the sender's address.
   */
  packetKey(id: string): PacketKey | undefined
  /**
   * A token of a key or of a session's key, with rights within those of the principal: ACCESS_DENIED when they are not,
   * REQUEST_INVALID when senseless. It ends with its time and with the key; closing the session does not end it.
   */
  createToken(principal: Principal, token: NewToken): { token: string; expires: string }
  /** A session for the page, of the key whose text is shown. Throws KEY_REFUSED. */
  openSession(key: string, address: string): { principal: Principal; cookie: string; expires: string }
  /** Ends the session of a principal that came by one; others have none to end. Rejects with KEYS_WRITE_FAILED. */
  closeSession(principal: Principal): Promise<void>
  /** When the session of a principal ends by itself; `undefined`: it came by something else. */
  sessionExpires(principal: Principal): string | undefined
  /**
   * For what somebody has made with a key and others use: calls the listener once when the key ends; for the empty id
   * when there are keys. Returns what takes the listener away again; `undefined`: it has ended already.
   */
  onKeyEnded(id: string, listener: () => void): (() => void) | undefined
  /** Tells what other processes do to the keys, such as the command line in the data folder. */
  onForeignChange(listener: (change: ForeignChange) => void): void
  /** What was done to keys without a server, and is in no audit trail yet. */
  untold(): readonly KeyDeed[]
  /** These are in it now. Resolves when that is on disk. Rejects with KEYS_WRITE_FAILED or TOO_MANY_REQUESTS. */
  forgetTold(deeds: readonly KeyDeed[]): Promise<void>
  status(): AccessStatus
  /** Stops watching the file of keys, and saves the signatures that a restart has to know. Nobody is told of an end. */
  close(): Promise<void>
}

export interface AccessLimits {
  /** Keys in the table, revoked and expired ones included. */
  keysMax: number
  /** Longest life of a token. */
  tokenMsMax: number
  /** Life of a session. */
  sessionMs: number
  /** How far the time of a signed request may be from the server's, both ways. */
  signatureSkewMs: number
  /** Signatures that are remembered in order to know replays; beyond that signed requests are answered 429. */
  signaturesMax: number
}

export const ACCESS_LIMITS: AccessLimits = {
  keysMax: 10_000,
  tokenMsMax: 24 * 3_600_000,
  sessionMs: 7 * 24 * 3_600_000,
  signatureSkewMs: 5 * 60_000,
  signaturesMax: 200_000,
}

export interface AccessOptions {
  /** The data folder. */
  dir: string
  /** Milliseconds since 1970. */
  clock: () => number
  counters: Counters
  logger: Logger
  limits?: Partial<AccessLimits>
  /** What is wrong with the text of a filter, in one sentence; `undefined`: nothing. */
  checkFilter: (filter: string) => string | undefined
}

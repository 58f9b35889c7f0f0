import { randomBytes } from 'node:crypto'
import { addressRule, type AddressRule } from './addresses.ts'
import type { KeyFile, KeyRecord } from './key-file.ts'
import type { Life } from './lives.ts'

type KeyFacts = Omit<KeyRecord, 'sessionsEndedMs'>

/** A key as it is used: decoded once. */
export interface KeyEntry extends Life {
  readonly record: KeyFacts
  readonly secretSha256: Buffer
  readonly signingKey: Buffer | undefined
  readonly allowsAddress: AddressRule
  /** Milliseconds since 1970; `undefined`: not since the server started. */
  lastUsedMs: number | undefined
  /** Sessions of this key that were opened up to then have ended. Not part of `record`, as the key goes on. */
  sessionsEndedMs: number
}

/** A session as its cookie tells it, after the signature was found right. Times are milliseconds since 1970. */
export interface SessionFacts {
  id: string
  keyId: string
  openedMs: number
  expiresMs: number
}

const NEVER_AN_ADDRESS: AddressRule = () => false

/** The keys in force, by id. Entries of keys that did not change stay the same objects. */
export class Keyring {
  #entries: ReadonlyMap<string, KeyEntry> = new Map()
  #endedSessions: ReadonlySet<string> = new Set()
  #secret = randomBytes(32)
  #isOpen = true

  /** There never was a key. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Signs tokens and sessions. The same object until it changes. */
  get secret(): Buffer {
    return this.#secret
  }

  /** Revoked and expired ones included. */
  entry(id: string): KeyEntry | undefined {
    return this.#entries.get(id)
  }

  entries(): Iterable<KeyEntry> {
    return this.#entries.values()
  }

  isSessionOver({ id, keyId, openedMs, expiresMs }: SessionFacts, nowMs: number): boolean {
    const key = this.#entries.get(keyId)
    if (!key || key.isOver(nowMs) || nowMs >= expiresMs) return true
    return openedMs <= key.sessionsEndedMs || this.#endedSessions.has(id)
  }

  adopt(file: KeyFile): void {
    this.#isOpen = false
    const secret = Buffer.from(file.secret, 'base64url')
    if (!secret.equals(this.#secret)) this.#secret = secret
    this.#endedSessions = new Set(file.endedSessions.map(({ id }) => id))
    this.#entries = new Map(file.keys.map((record) => [record.id, this.#entryFor(record)]))
  }

  #entryFor({ sessionsEndedMs, ...record }: KeyRecord): KeyEntry {
    const before = this.#entries.get(record.id)
    if (before && isSame(before.record, record)) {
      before.sessionsEndedMs = sessionsEndedMs
      return before
    }
    const entry: KeyEntry = {
      record,
      secretSha256: Buffer.from(record.secretSha256, 'base64url'),
      signingKey: record.signingKey === null ? undefined : Buffer.from(record.signingKey, 'base64url'),
      // What cannot be understood allows nothing.
      allowsAddress: addressRule(record.addresses) ?? NEVER_AN_ADDRESS,
      lastUsedMs: before?.lastUsedMs,
      sessionsEndedMs,
      expiresMs: record.expiresMs ?? Infinity,
      isOver: (nowMs) =>
        record.revokedMs !== null || nowMs >= entry.expiresMs || this.#entries.get(record.id) !== entry,
    }
    return entry
  }
}

/** Both have all fields; few of them hold more than one value. */
function isSame(a: KeyFacts, b: KeyFacts): boolean {
  return (Object.keys(a) as (keyof KeyFacts)[]).every(
    (field) => a[field] === b[field] || JSON.stringify(a[field]) === JSON.stringify(b[field]),
  )
}

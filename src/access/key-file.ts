import { ROLES, type Role } from '../core/principal.ts'

/**
 * What `<data>/keys.json` holds. Secrets of keys are not in it, only their hashes; but its own secret makes tokens and
 * sessions, and signing keys make signatures: it is for its owner alone. It is first written with the first key, so
 * that where there is a file there once was a key, even when all have been dropped since.
 */
export interface KeyFile {
  /** 32 bytes, base64url: signs tokens and sessions. */
  readonly secret: string
  /** Oldest first. */
  readonly keys: readonly KeyRecord[]
  /** Sessions that were closed before their time, until then. */
  readonly endedSessions: readonly EndedSession[]
  /** What was done to keys without a server, oldest first, until one has put it into its audit trail. */
  readonly untold: readonly KeyDeed[]
}

/** Something that was done to a key, which may not be in the table any more. */
export interface KeyDeed {
  readonly action: 'created' | 'revoked'
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly atMs: number
}

/** Times are milliseconds since 1970. */
export interface KeyRecord {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly filter: string
  readonly stamps: Readonly<Record<string, string>>
  readonly addresses: readonly string[]
  readonly createdMs: number
  readonly createdBy: string
  readonly expiresMs: number | null
  readonly revokedMs: number | null
  /** 32 bytes, base64url. */
  readonly secretSha256: string
  /** Role write only, until it is revoked. 32 bytes, base64url. */
  readonly signingKey: string | null
  /** Sessions of this key that were opened up to then have ended; 0: none. */
  readonly sessionsEndedMs: number
}

export interface EndedSession {
  readonly id: string
  /** Id of the key whose session it was. */
  readonly key: string
  readonly expiresMs: number
}

/** Revoked and expired keys are still shown this long. */
export const OLD_KEYS_MS = 90 * 24 * 3_600_000

const FORMAT = 1
/** The last time that a Date can be. */
const TIME_MS_MAX = 8.64e15

export function formatKeyFile({ secret, keys, endedSessions, untold }: KeyFile): string {
  return `${JSON.stringify({ format: FORMAT, secret, keys, endedSessions, untold }, null, 1)}\n`
}

/** Throws a plain error whose message says what is wrong. */
export function parseKeyFile(text: string): KeyFile {
  const file = new Fields(JSON.parse(text), 'the file')
  const format = file.number('format')
  if (format !== FORMAT) throw new Error(`its format is ${format}, and this program knows format ${FORMAT}`)
  const keys = file.list('keys', readKey)
  if (new Set(keys.map(({ id }) => id)).size !== keys.length) throw new Error('two keys have the same id')
  const endedSessions = file.list('endedSessions', (ended) => ({
    id: ended.text('id'),
    key: ended.text('key'),
    expiresMs: ended.number('expiresMs'),
  }))
  // Not in files that were written before there was one.
  const untold = file.has('untold') ? file.list('untold', readDeed) : []
  return { secret: file.bytes32('secret'), keys, endedSessions, untold }
}

/** Without keys that have been revoked or expired for `OLD_KEYS_MS`, and without what is over anyway. */
export function withoutOld(file: KeyFile, nowMs: number): KeyFile {
  return {
    secret: file.secret,
    keys: file.keys.filter((key) => endedMs(key) + OLD_KEYS_MS > nowMs),
    endedSessions: file.endedSessions.filter(({ expiresMs }) => expiresMs > nowMs),
    untold: file.untold,
  }
}

function endedMs({ expiresMs, revokedMs }: KeyRecord): number {
  return Math.min(expiresMs ?? Infinity, revokedMs ?? Infinity)
}

function readDeed(deed: Fields): KeyDeed {
  const action = deed.text('action')
  if (action !== 'created' && action !== 'revoked') throw new Error(`${deed.name} has no known action`)
  const [id, name] = [deed.text('id'), deed.text('name')]
  return { action, id, name, role: readRole(deed), atMs: deed.number('atMs') }
}

function readRole(fields: Fields): Role {
  const role = ROLES.find((name) => name === fields.text('role'))
  if (role === undefined) throw new Error(`${fields.name} has no known role`)
  return role
}

function readKey(key: Fields): KeyRecord {
  return {
    id: key.text('id'),
    name: key.text('name'),
    role: readRole(key),
    filter: key.text('filter'),
    stamps: key.texts('stamps'),
    addresses: key.list('addresses', (address) => address.wholeText()),
    createdMs: key.number('createdMs'),
    createdBy: key.text('createdBy'),
    expiresMs: key.orNull('expiresMs', () => key.number('expiresMs')),
    revokedMs: key.orNull('revokedMs', () => key.number('revokedMs')),
    secretSha256: key.bytes32('secretSha256'),
    signingKey: key.orNull('signingKey', () => key.bytes32('signingKey')),
    sessionsEndedMs: key.number('sessionsEndedMs'),
  }
}

/** Reads an unknown value field by field; what is not as it has to be throws. Texts of the file are never told. */
class Fields {
  readonly #value: unknown
  readonly name: string

  constructor(value: unknown, name: string) {
    this.#value = value
    this.name = name
  }

  has(field: string): boolean {
    return typeof this.#value === 'object' && this.#value !== null && Object.hasOwn(this.#value, field)
  }

  text(field: string): string {
    const value = this.#field(field)
    return typeof value === 'string' ? value : this.#wrong(field)
  }

  number(field: string): number {
    const value = this.#field(field)
    const isSound = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TIME_MS_MAX
    return isSound ? value : this.#wrong(field)
  }

  bytes32(field: string): string {
    const text = this.text(field)
    return Buffer.from(text, 'base64url').length === 32 ? text : this.#wrong(field)
  }

  orNull<T>(field: string, read: () => T): T | null {
    return this.#field(field) === null ? null : read()
  }

  list<T>(field: string, read: (item: Fields) => T): T[] {
    const value = this.#field(field)
    if (!Array.isArray(value)) return this.#wrong(field)
    return value.map((item, index) => read(new Fields(item, `${field}[${index}] of ${this.name}`)))
  }

  texts(field: string): Record<string, string> {
    const value = this.#field(field)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#wrong(field)
    const entries = Object.entries(value)
    return entries.every(([, text]) => typeof text === 'string') ? Object.fromEntries(entries) : this.#wrong(field)
  }

  /** The value itself, which has to be a text. */
  wholeText(): string {
    if (typeof this.#value !== 'string') throw new Error(`${this.name} is not a text`)
    return this.#value
  }

  #field(field: string): unknown {
    if (typeof this.#value !== 'object' || this.#value === null) throw new Error(`${this.name} is not an object`)
    return Object.hasOwn(this.#value, field) ? (this.#value as Record<string, unknown>)[field] : this.#wrong(field)
  }

  #wrong(field: string): never {
    throw new Error(`${field} of ${this.name} is missing or wrong`)
  }
}

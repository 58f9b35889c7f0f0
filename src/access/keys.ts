import { createHash, randomBytes, randomInt } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import { SILENT_LOGGER, type Logger } from '../core/logger.ts'
import { formatKey, KEY_SECRET_BYTES, signingKeyOf } from '../core/signing.ts'
import { ACCESS_LIMITS, type AccessLimits, type AccessOptions, type KeyInfo, type KeyTable } from './access.ts'
import type { KeyDeed, KeyFile, KeyRecord } from './key-file.ts'
import { checkedExpiry, checkedName, checkRights, type CheckFilter } from './key-rules.ts'
import { KeyStore } from './key-store.ts'

export interface OpenKeysOptions extends Pick<AccessOptions, 'dir' | 'clock' | 'checkFilter'> {
  limits?: Partial<Pick<AccessLimits, 'keysMax'>>
  logger?: Logger
}

/**
 * The table of keys without a server: for commands that work in the data folder, whether or not a server runs on it,
 * which sees what they change within a second. What they do waits in the file for the audit trail of a server. Rejects with CONFIG_INVALID when the file cannot be used.
 */
export async function openKeys(options: OpenKeysOptions): Promise<KeyTable & { close(): Promise<void> }> {
  const { dir, clock, checkFilter } = options
  const store = await KeyStore.open({ dir, clock, logger: options.logger ?? SILENT_LOGGER })
  const keysMax = options.limits?.keysMax ?? ACCESS_LIMITS.keysMax
  const table = createKeyTable({ store, clock, checkFilter, keysMax, lastUsedMs: () => undefined, isForeign: true })
  return { ...table, close: () => store.close() }
}

export interface KeyTableOptions {
  store: KeyStore
  clock: () => number
  checkFilter: CheckFilter
  keysMax: number
  /** When the key with this id was used last, as far as that is known. */
  lastUsedMs: (id: string) => number | undefined
  /** No server: what is done has to wait for its audit trail. */
  isForeign: boolean
}

const ID_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const ID_LENGTH = 12

/** Keys that have been revoked or expired for 90 days are dropped whenever the table is changed. */
export function createKeyTable({
  store,
  clock,
  checkFilter,
  keysMax,
  lastUsedMs,
  isForeign,
}: KeyTableOptions): KeyTable {
  const noted = (file: KeyFile, deed: KeyDeed): KeyFile =>
    isForeign ? { ...file, untold: [...file.untold, deed] } : file
  const infoOf = (key: KeyRecord): KeyInfo => keyInfo(key, lastUsedMs(key.id))
  return {
    list: () => (store.file?.keys ?? []).map(infoOf),

    async create(wanted, createdBy) {
      const rights = checkRights(wanted, checkFilter)
      const name = checkedName(wanted.name)
      const lifeMs = wanted.expiresInMs === undefined ? undefined : checkedExpiry(wanted.expiresInMs)
      const secret = randomBytes(KEY_SECRET_BYTES)
      const nowMs = Math.floor(clock())
      const record: KeyRecord = {
        id: newId(),
        name,
        ...rights,
        createdMs: nowMs,
        createdBy,
        expiresMs: lifeMs === undefined ? null : nowMs + lifeMs,
        revokedMs: null,
        secretSha256: createHash('sha256').update(secret).digest('base64url'),
        signingKey: rights.role === 'write' ? signingKeyOf(secret).toString('base64url') : null,
        sessionsEndedMs: 0,
      }
      await store.change((file) => noted(withKey(file, record, keysMax), deedOf('created', record, nowMs)))
      return { key: formatKey({ id: record.id, secret }), info: infoOf(record) }
    },

    async revoke(id) {
      let revoked: KeyRecord | undefined
      await store.change((file, nowMs) => {
        const found = file.keys.find((key) => key.id === id)
        if (!found) throw new AppError('KEY_NOT_FOUND', { hint: 'tailrace keys list shows the ids.' })
        revoked = found.revokedMs === null ? { ...found, revokedMs: Math.floor(nowMs), signingKey: null } : found
        if (revoked === found) return file
        return noted(withRevoked(file, revoked), deedOf('revoked', revoked, Math.floor(nowMs)))
      })
      if (!revoked) throw new Error('a key was revoked without being found')
      return infoOf(revoked)
    },
  }
}

function deedOf(action: KeyDeed['action'], { id, name, role }: KeyRecord, atMs: number): KeyDeed {
  return { action, id, name, role, atMs }
}

function withKey(file: KeyFile, record: KeyRecord, keysMax: number): KeyFile {
  if (file.keys.length >= keysMax) {
    throw new AppError('KEYS_FULL', {
      detail: `There are ${file.keys.length} keys, and access.keysMax allows ${keysMax}.`,
      hint: 'Raise it; keys that were revoked or have expired make room after 90 days.',
    })
  }
  return { ...file, keys: [...file.keys, record] }
}

/** Its sessions have ended with it, and need not be remembered one by one. */
function withRevoked(file: KeyFile, revoked: KeyRecord): KeyFile {
  return {
    ...file,
    keys: file.keys.map((key) => (key.id === revoked.id ? revoked : key)),
    endedSessions: file.endedSessions.filter(({ key }) => key !== revoked.id),
  }
}

function newId(): string {
  return Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[randomInt(ID_CHARACTERS.length)]).join('')
}

export function keyInfo(key: KeyRecord, lastUsedMs: number | undefined): KeyInfo {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    filter: key.filter,
    stamps: { ...key.stamps },
    addresses: [...key.addresses],
    created: timeText(key.createdMs),
    createdBy: key.createdBy,
    expires: key.expiresMs === null ? null : timeText(key.expiresMs),
    revoked: key.revokedMs === null ? null : timeText(key.revokedMs),
    lastUsed: lastUsedMs === undefined ? null : timeText(lastUsedMs),
  }
}

/** RFC 3339 in UTC. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

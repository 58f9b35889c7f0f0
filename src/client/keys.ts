import type { Role } from '../core/principal.ts'

/** A key as the server shows it: without its secret. Times are RFC 3339. */
export interface KeyJson {
  id: string
  name: string
  role: Role
  /** What it may read, in the query language; empty: everything. */
  filter: string
  /** What events sent with it bear: field → value. */
  stamps: Readonly<Record<string, string>>
  /** Where it may be used from; none: everywhere. */
  addresses: readonly string[]
  created: string
  createdBy: string
  expires: string | null
  revoked: string | null
  /** Since the server started. */
  lastUsed: string | null
}

/** A key to make. */
export interface NewKeyJson {
  role: Role
  name?: string
  filter?: string
  stamps?: Readonly<Record<string, string>>
  addresses?: readonly string[]
  /** Milliseconds from now on. */
  expiresInMs?: number
}

export interface CreatedKeyJson {
  /** The text of the key, which is never told again. */
  key: string
  info: KeyJson
}

export type KeyState = 'valid' | 'expired' | 'revoked'

export function keyState({ revoked, expires }: Pick<KeyJson, 'revoked' | 'expires'>, nowMs: number): KeyState {
  if (revoked !== null) return 'revoked'
  return expires !== null && Date.parse(expires) <= nowMs ? 'expired' : 'valid'
}

/** How many keys are valid, by role. */
export function countValidKeys(keys: readonly KeyJson[], nowMs: number): Record<Role, number> {
  const counts: Record<Role, number> = { write: 0, read: 0, admin: 0 }
  for (const key of keys) if (keyState(key, nowMs) === 'valid') counts[key.role]++
  return counts
}

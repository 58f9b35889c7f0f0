import { AppError } from './errors.ts'

/** Roles of keys. `admin` may do what the others may, and manage keys. */
export const ROLES = ['write', 'read', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** On whose behalf something is asked. */
export interface Principal {
  /** How they showed who they are. `open`: nobody needs to, as there are no keys. `nobody`: they did not, but have to. */
  readonly by: 'open' | 'nobody' | 'key' | 'session' | 'token' | 'signature'
  /** Id of the key that this goes back to; empty for `open` and `nobody`. Never secret. */
  readonly keyId: string
  /** The name that the key was given. */
  readonly name: string
  readonly role: Role
  /** Query text, a filter without pipes, that is ANDed to everything this principal reads. Empty: reads everything. */
  readonly filter: string
  /**
   * What events written by this principal bear whatever they claim: `service`, `host`, `source`, `level`, or the plain
   * name of an attribute → value.
   */
  readonly stamps: ReadonlyMap<string, string>
  /**
   * Calls the listener once when this principal may no longer do anything: revoked, expired, logged out; at once when
   * that is so already. Answers without end have to end then. Returns what takes the listener away again.
   */
  onEnded(listener: () => void): () => void
}

/**
 * What it takes to use a route or another door. `public`: nothing. `any`: any valid key. `write`: submitting events.
 * `read`: reading them, within the principal's filter, which whoever answers has to apply. `figures`: numbers about
 * everything there is, for readers without a filter. `admin`: managing.
 */
export type Right = 'public' | 'any' | 'write' | 'read' | 'figures' | 'admin'

export function isAllowed(principal: Principal, right: Right): boolean {
  const { by, role, filter } = principal
  if (right === 'public') return true
  if (by === 'nobody') return false
  if (right === 'any' || role === 'admin') return true
  if (right === 'figures') return role === 'read' && filter === ''
  return right === role
}

/** Everybody, while there are no keys. */
export const OPEN_PRINCIPAL: Principal = {
  by: 'open',
  keyId: '',
  name: '',
  role: 'admin',
  filter: '',
  stamps: new Map(),
  onEnded: () => () => undefined,
}

/** Whoever uses a public route and shows nothing valid while there are keys. May do nothing else. */
export const NOBODY: Principal = { ...OPEN_PRINCIPAL, by: 'nobody', role: 'write' }

/** Why nothing is done for a principal that has ended, or not any longer. */
export function endedError({ by }: Pick<Principal, 'by'>, cause?: unknown): AppError {
  return by === 'open'
    ? new AppError('KEY_REQUIRED', { cause, detail: 'There are keys now, and this was asked without one.' })
    : new AppError('KEY_REFUSED', { cause, detail: 'The key is no longer valid.' })
}

import { AppError } from '../core/errors.ts'
import type { Principal, Role } from '../core/principal.ts'
import type { NewToken } from './access.ts'
import { addressRule } from './addresses.ts'
import { checkedExpiry, checkRights, type CheckedRights, type CheckFilter } from './key-rules.ts'
import type { KeyEntry, Keyring } from './keyring.ts'
import { timeText } from './keys.ts'
import type { Life } from './lives.ts'
import { seal, SEALED_CHARACTERS_MAX, unseal } from './sealed.ts'

/** What a token bears: what it may do of what its key may. */
interface TokenPayload extends CheckedRights {
  key: string
  /** Milliseconds since 1970. */
  expiresMs: number
}

export interface TokensOptions {
  keyring: Keyring
  clock: () => number
  checkFilter: CheckFilter
  tokenMsMax: number
}

/** Tokens are kept nowhere: they bear their rights, and the server's signature. They end with their key. */
export function createTokens({ keyring, clock, checkFilter, tokenMsMax }: TokensOptions) {
  return {
    create(principal: Principal, wanted: NewToken): { token: string; expires: string } {
      const key = parentOf(principal, keyring)
      if (key.isOver(clock())) throw new AppError('KEY_REFUSED')
      const { expiresInMs, ...partial } = wanted
      const lifeMs = checkedExpiry(expiresInMs, tokenMsMax)
      const rights = checkRights({ role: principal.role, ...partial }, checkFilter)
      assertWithin(rights, principal)
      if (rights.filter !== '' && checkFilter(allOf(key.record.filter, rights.filter)) !== undefined) {
        throw new AppError('REQUEST_INVALID', { detail: 'filter: together with the filter of the key it is too much.' })
      }
      const expiresMs = Math.min(Math.floor(clock()) + lifeMs, key.expiresMs)
      const payload: TokenPayload = { key: key.record.id, expiresMs, ...rights }
      const token = seal('trt', payload, keyring.secret)
      if (token.length > SEALED_CHARACTERS_MAX) {
        throw new AppError('REQUEST_INVALID', {
          detail: `The token would have ${token.length} characters, and ${SEALED_CHARACTERS_MAX} fit into a request.`,
          hint: 'Make a key with these stamps or this filter instead.',
        })
      }
      return { token, expires: timeText(expiresMs) }
    },

    /** The key of a genuine token and what it may do now; `undefined`: it is none, or its key is no more. */
    read(text: string): { key: KeyEntry; rights: CheckedRights; life: Life } | undefined {
      const { secret } = keyring
      const payload = unseal('trt', text, secret) as TokenPayload | undefined
      const key = payload && keyring.entry(payload.key)
      if (!payload || !key || !canGive(key.record.role, payload.role)) return undefined
      const { role, filter, stamps, addresses, expiresMs } = payload
      return {
        key,
        rights: {
          role,
          filter: allOf(key.record.filter, filter),
          stamps: { ...stamps, ...key.record.stamps },
          addresses,
        },
        life: {
          expiresMs: Math.min(expiresMs, key.expiresMs),
          isOver: (nowMs) => nowMs >= expiresMs || key.isOver(nowMs) || keyring.secret !== secret,
        },
      }
    },
  }
}

/** Both lists have to allow the address. */
export function tokenAllows(key: KeyEntry, rights: CheckedRights): (address: string) => boolean {
  const own = addressRule(rights.addresses)
  return (address) => key.allowsAddress(address) && own !== undefined && own(address)
}

/**
 * Each filter has a line of its own, as a word may begin with a slash, and the next slash before a parenthesis of ours
 * would make a regular expression of all that is between.
 */
export function allOf(...filters: readonly string[]): string {
  const given = filters.filter((filter) => filter !== '')
  return given.length < 2 ? given.join('') : given.map((filter) => `(${filter}\n)`).join(' AND ')
}

/** Neither of a token, which would outlive it, nor of a signature, which may vouch for no more than three words. */
function parentOf(principal: Principal, keyring: Keyring): KeyEntry {
  const key = keyring.entry(principal.keyId)
  if (key && (principal.by === 'key' || principal.by === 'session')) return key
  throw new AppError('ACCESS_DENIED', {
    detail: 'Tokens are made with a key or a session.',
    hint: 'Authorization: Bearer <key>',
  })
}

function assertWithin({ role, stamps }: CheckedRights, principal: Principal): void {
  if (!canGive(principal.role, role)) {
    throw new AppError('ACCESS_DENIED', {
      detail: `A key with role ${principal.role} makes no token with role ${role}.`,
      hint: 'A token may do what its key may, or less.',
    })
  }
  const other = Object.keys(stamps).find((name) => (principal.stamps.get(name) ?? stamps[name]) !== stamps[name])
  if (other === undefined) return
  throw new AppError('ACCESS_DENIED', {
    detail: `The key stamps another ${other} on events.`,
    hint: 'A token may add stamps to those of its key, and change none.',
  })
}

function canGive(role: Role, wanted: Role): boolean {
  return role === 'admin' || role === wanted
}

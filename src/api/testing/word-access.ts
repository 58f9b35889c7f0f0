/** For tests of routes: keys that are plain words, `Authorization: Bearer <word>`, and principals that end when told to. */
import { AppError } from '../../core/errors.ts'
import { OPEN_PRINCIPAL, type Principal } from '../../core/principal.ts'
import type { HttpAccess } from '../../net/http-access.ts'

export interface TestPrincipal extends Principal {
  /** As if it was revoked. */
  end(): void
  /** How many have not been taken away: an answer's is when its response is closed. */
  readonly listeners: number
}

/** A principal by key, role `read` unless told otherwise. */
export function testPrincipal(changes: Partial<Principal> = {}): TestPrincipal {
  const listeners = new Set<() => void>()
  let isOver = false
  return {
    ...OPEN_PRINCIPAL,
    by: 'key',
    keyId: 'abcdefghijkl',
    name: 'ann',
    role: 'read',
    ...changes,
    onEnded(listener) {
      if (isOver) listener()
      else listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    end() {
      isOver = true
      for (const listener of listeners) listener()
    },
    get listeners() {
      return listeners.size
    },
  }
}

export function wordAccess(principals: Readonly<Record<string, Principal>>): HttpAccess {
  return {
    isOpen: false,
    identify({ headers }) {
      const [, word] = /^Bearer (\w+)$/.exec(headers.authorization ?? '') ?? []
      if (word === undefined) throw new AppError('KEY_REQUIRED')
      const principal = Object.hasOwn(principals, word) ? principals[word] : undefined
      if (!principal) throw new AppError('KEY_REFUSED')
      return { principal }
    },
  }
}

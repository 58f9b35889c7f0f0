import { randomBytes } from 'node:crypto'
import type { EndedSession, KeyFile } from './key-file.ts'
import type { KeyStore } from './key-store.ts'
import type { KeyEntry, Keyring, SessionFacts } from './keyring.ts'
import type { Life } from './lives.ts'
import { seal, unseal } from './sealed.ts'

/**
 * Closed sessions that are remembered one by one. When there are more, closing one closes all sessions of its key that
 * were opened before: that takes one number to remember.
 */
export const ENDED_SESSIONS_MAX = 10_000

export interface SessionsOptions {
  store: KeyStore
  keyring: Keyring
  sessionMs: number
  endedMax?: number
}

/** Sessions are kept nowhere: the cookie bears what they are, and the server's signature. Only their early end is kept. */
export function createSessions({ store, keyring, sessionMs, endedMax = ENDED_SESSIONS_MAX }: SessionsOptions) {
  return {
    open(key: KeyEntry, nowMs: number): { session: SessionFacts; cookie: string } {
      // However the clock was set meanwhile: a new session is newer than all that were ended.
      const openedMs = Math.max(Math.floor(nowMs), key.sessionsEndedMs + 1)
      const session: SessionFacts = {
        id: randomBytes(16).toString('base64url'),
        keyId: key.record.id,
        openedMs,
        expiresMs: Math.min(openedMs + sessionMs, key.expiresMs),
      }
      return { session, cookie: seal('trs', session, keyring.secret) }
    },

    /** The session of a genuine cookie; `undefined`: it is none, or its key is no more. */
    read(cookie: string): { key: KeyEntry; session: SessionFacts } | undefined {
      const session = unseal('trs', cookie, keyring.secret) as SessionFacts | undefined
      const key = session && keyring.entry(session.keyId)
      return key && { key, session }
    },

    life(session: SessionFacts, key: KeyEntry): Life {
      const { secret } = keyring
      return {
        expiresMs: session.expiresMs,
        isOver: (nowMs) => key.isOver(nowMs) || keyring.isSessionOver(session, nowMs) || keyring.secret !== secret,
      }
    },

    /** Resolves when the session will not be valid again, whatever happens. */
    async close(session: SessionFacts): Promise<void> {
      await store.change((file, nowMs) => {
        const key = file.keys.find(({ id }) => id === session.keyId)
        const isOver = !key || key.revokedMs !== null || nowMs >= session.expiresMs
        const isEnded = isOver || session.openedMs <= key.sessionsEndedMs || file.endedSessions.some(isSame(session))
        return isEnded ? file : withEnded(file, session, Math.floor(nowMs), endedMax)
      })
    },
  }
}

function isSame({ id }: SessionFacts): (ended: EndedSession) => boolean {
  return (ended) => ended.id === id
}

function withEnded(file: KeyFile, { id, keyId, openedMs, expiresMs }: SessionFacts, nowMs: number, endedMax: number) {
  if (file.endedSessions.length < endedMax) {
    return { ...file, endedSessions: [...file.endedSessions, { id, key: keyId, expiresMs }] }
  }
  const sessionsEndedMs = Math.max(nowMs, openedMs)
  return {
    ...file,
    keys: file.keys.map((key) => (key.id === keyId ? { ...key, sessionsEndedMs } : key)),
    endedSessions: file.endedSessions.filter(({ key }) => key !== keyId),
  }
}

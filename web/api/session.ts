import { signal, type ReadonlySignal } from '@preact/signals'
import type { Right, Role } from '../../src/core/principal.ts'
import type { Client } from './client.ts'

/** Answer of `/api/v1/session`. */
export interface Who {
  open: boolean
  by: 'open' | 'nobody' | 'key' | 'session' | 'token' | 'signature'
  name?: string
  role?: Role
  filter?: string
  expires?: string
}

export interface Session {
  /** `undefined` until the server has said who this is. */
  readonly who: ReadonlySignal<Who | undefined>
  /** It was over without anybody having logged out: expired, revoked, or the server has keys now. */
  readonly isEnded: ReadonlySignal<boolean>
  /** Asks the server again. */
  refresh(): Promise<void>
  /** Rejects with an ApiProblem when the key is not valid. */
  logIn(key: string): Promise<void>
  logOut(): Promise<void>
}

const PATH = '/api/v1/session'

export function createSession(client: Client): Session {
  const who = signal<Who | undefined>(undefined)
  const isEnded = signal(false)
  return {
    who,
    isEnded,
    refresh: async () => {
      const now = await client.get<Who>(PATH)
      const before = who.peek()
      if (now.by === 'nobody' && before !== undefined && before.by !== 'nobody') isEnded.value = true
      // The same is no news: nothing has to be drawn again.
      if (JSON.stringify(now) !== JSON.stringify(before)) who.value = now
    },
    logIn: async (key) => {
      who.value = await client.send<Who>('POST', PATH, { key })
      isEnded.value = false
    },
    logOut: async () => {
      await client.send('DELETE', PATH)
      isEnded.value = false
      who.value = { open: false, by: 'nobody' }
    },
  }
}

/** The server decides again at each request: this only keeps what would be refused out of sight. */
export function mayUse({ by, role, filter = '' }: Who, right: Right): boolean {
  if (right === 'public') return true
  if (by === 'nobody') return false
  if (right === 'any' || role === 'admin') return true
  if (right === 'figures') return role === 'read' && filter === ''
  return right === role
}

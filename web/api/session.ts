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
  /** Asks the server again. */
  refresh(): Promise<void>
  /** Rejects with an ApiProblem when the key is not valid. */
  logIn(key: string): Promise<void>
  logOut(): Promise<void>
}

const PATH = '/api/v1/session'

export function createSession(client: Client): Session {
  const who = signal<Who | undefined>(undefined)
  return {
    who,
    refresh: async () => {
      who.value = await client.get<Who>(PATH)
    },
    logIn: async (key) => {
      who.value = await client.send<Who>('POST', PATH, { key })
    },
    logOut: async () => {
      await client.send('DELETE', PATH)
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

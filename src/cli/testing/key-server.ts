import type { KeyJson, NewKeyJson } from '../../client/keys.ts'
import { answerJson, readBody, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'

export interface KeyServer extends TinyServer {
  keys: KeyJson[]
  /** What was asked: method, path, body. */
  readonly asked: [method: string, path: string, body: string][]
  /** Refuses everything like this, when it is set. */
  refusal: { status: number; code: string; detail?: string; hint?: string } | undefined
}

/** The routes of keys as the server has them, over a table in memory. */
export async function startKeyServer(): Promise<KeyServer> {
  const state: Omit<KeyServer, 'url' | 'close'> = { keys: [], asked: [], refusal: undefined }
  const server = await startTinyServer(async (request, response) => {
    const { method = '', url = '' } = request
    const body = await readBody(request)
    state.asked.push([method, url, body])
    if (state.refusal) return answerJson(response, state.refusal, state.refusal.status)
    if (method === 'GET') return answerJson(response, { keys: state.keys })
    if (method === 'POST') {
      // The first key is made by anybody, as there is none to show.
      const createdBy = state.keys.length === 0 ? '' : 'ops'
      const { expires: lifeMs, ...wanted } = JSON.parse(body) as NewKeyJson & { expires?: number }
      const expires = lifeMs === undefined ? null : new Date(Date.now() + lifeMs).toISOString()
      const info = keyJson({ ...wanted, id: `key${state.keys.length}`, createdBy, expires })
      state.keys.push(info)
      return answerJson(response, { key: `trk_${info.id}_secret`, info }, 201)
    }
    const found = state.keys.find(({ id }) => url === `/api/v1/keys/${id}`)
    if (!found) return answerJson(response, { code: 'KEY_NOT_FOUND', detail: 'no key' }, 404)
    const revoked = { ...found, revoked: new Date().toISOString() }
    state.keys = state.keys.map((key) => (key === found ? revoked : key))
    answerJson(response, revoked)
  })
  return Object.assign(state, server)
}

export function keyJson(key: Partial<KeyJson> & Pick<KeyJson, 'id'>): KeyJson {
  return {
    name: '',
    role: 'read',
    filter: '',
    stamps: {},
    addresses: [],
    created: '2026-01-01T00:00:00.000Z',
    createdBy: 'ops',
    expires: null,
    revoked: null,
    lastUsed: null,
    ...key,
  }
}

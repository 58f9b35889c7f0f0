import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { launchServer } from '../../system/harness/server.ts'

/** A server of one file, to which keys can be added, and where each request needs one from the first on. */
export interface KeyedServer {
  url: string
  /** Of the first key. */
  admin: string
  ask(method: string, path: string, body?: unknown): Promise<unknown>
  makeKey(key: object): Promise<{ key: string; info: { id: string } }>
  close(): Promise<void>
}

export async function openKeyedServer(): Promise<KeyedServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-page-keys-'))
  const server = launchServer({ dataDir, flags: { logd: 'off' } })
  const { url } = await server.ready
  let admin = ''
  const ask: KeyedServer['ask'] = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(admin !== '' && { authorization: `Bearer ${admin}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    expect(response.status).toBeLessThan(300)
    return response.json()
  }
  const makeKey: KeyedServer['makeKey'] = async (key) =>
    (await ask('POST', '/api/v1/keys', key)) as Awaited<ReturnType<KeyedServer['makeKey']>>
  admin = (await makeKey({ role: 'admin', name: 'root' })).key
  return {
    url,
    admin,
    ask,
    makeKey,
    async close() {
      await server.remove()
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

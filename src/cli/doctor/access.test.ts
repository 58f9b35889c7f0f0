import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openFolderKeys } from '../../app/keys.ts'
import { createHttpClient } from '../../client/http-client.ts'
import { answerJson, startTinyServer } from '../../client/testing/tiny-server.ts'
import type { Role } from '../../core/principal.ts'
import { checkAccess } from './access.ts'
import { checkConfig } from './machine.ts'
import { checkPort } from './port.ts'
import { checkServer } from './server.ts'
import { checkTls } from './tls.ts'

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tailrace-doctor-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const NOW_MS = Date.now()

async function findings(flags: Record<string, string> = {}) {
  const { config } = checkConfig({ data: '.', ...flags }, { env: {}, cwd })
  if (!config) throw new Error('no config')
  const found = [...(await checkAccess(config, NOW_MS)), ...(await checkTls(config, NOW_MS)).findings]
  return found.map(({ state, subject, text, hint = '' }) => `${subject} ${state}: ${text} ${hint}`)
}

async function makeKeys(...roles: (Role | 'revoked')[]) {
  const { keys, close } = await openFolderKeys(cwd, { mayMake: true })
  for (const role of roles) {
    const { info } = await keys.create({ role: role === 'revoked' ? 'admin' : role }, 'test')
    if (role === 'revoked') await keys.revoke(info.id)
  }
  await close()
}

/** As a server leaves it. */
const useFolder = () => writeFileSync(join(cwd, 'node.json'), '{"name":"n","received":"0"}')

const OTHERS = { host: '0.0.0.0' }
const MAKE = 'tailrace keys create --role admin --data '

describe('settings and keys', () => {
  test.each<
    [name: string, flags: Record<string, string>, roles: (Role | 'revoked')[], isUsed: boolean, says: string[]]
  >([
    [
      'loopback without keys',
      {},
      [],
      true,
      ['access ok: open: there are no keys', 'tls ok: off; with these settings only this'],
    ],
    ['a folder that is not there', { data: 'no' }, [], false, ['access ok: open', 'tls ok']],
    [
      'loopback with keys',
      {},
      ['admin', 'read', 'write', 'write', 'revoked'],
      true,
      ['access ok: everybody shows a key (valid: 1 admin, 1 read, 2 write); 127.0.0.1', 'tls ok'],
    ],
    ['loopback with one that is revoked', {}, ['revoked'], true, ['access warn: nobody is let in', 'tls ok']],
    [
      'a first start for others',
      OTHERS,
      [],
      false,
      [
        'access note: 0.0.0.0 can be reached by others, and there are no keys: the first start',
        'tls warn: off: keys and events travel in clear',
      ],
    ],
    [
      'others without keys',
      OTHERS,
      [],
      true,
      [
        'access wrong: a server with these settings does not start: 0.0.0.0 can be reached by others, and there are no keys',
        'tls warn',
      ],
    ],
    [
      'others with one that is revoked',
      OTHERS,
      ['revoked'],
      true,
      [
        'access wrong: a server with these settings does not start: 0.0.0.0 can be reached by others, and no key is valid',
        'tls warn',
      ],
    ],
    [
      'others with keys',
      OTHERS,
      ['admin'],
      true,
      [
        'access ok: everybody shows a key (valid: 1 admin, 0 read, 0 write); 0.0.0.0 can be reached by others',
        'tls warn',
      ],
    ],
    ['no admin key', {}, ['read'], true, ['access ok', 'access warn: no admin key is valid', 'tls ok']],
    [
      'others with a certificate of its own',
      { ...OTHERS, tls: 'self-signed' },
      ['admin'],
      true,
      ['access ok', 'tls ok: on, with a certificate of its own'],
    ],
  ])('%s', async (_name, flags, roles, isUsed, says) => {
    if (isUsed) useFolder()
    if (roles.length > 0) await makeKeys(...roles)
    const found = await findings(flags)
    expect(found).toEqual(says.map((text) => expect.stringContaining(text) as string))
    for (const line of found.filter((finding) => /no admin|does not start|nobody is/.test(finding)))
      expect(line).toContain(MAKE + cwd)
  })

  test('a file of keys that others could read is named, and is not any more', async () => {
    await makeKeys('admin')
    chmodSync(join(cwd, 'keys.json'), 0o644)
    expect((await findings())[1]).toMatch(/^access warn: .*keys.json could be read by others until now \(mode 644\)/)
    expect(statSync(join(cwd, 'keys.json')).mode & 0o777).toBe(0o600)
    expect(await findings()).toHaveLength(2)
  })

  test('one that is damaged is wrong, and none of it is shown', async () => {
    writeFileSync(join(cwd, 'keys.json'), '{"secret":"hush')
    const found = await findings()
    expect(found[0]).toMatch(/^access wrong: .*keys.json is damaged/)
    expect(found.join()).not.toContain('hush')
  })
})

const ask = async (refusal: { status: number; code: string; detail: string }) => {
  const server = await startTinyServer((request, response) => {
    if (request.url === '/readyz') {
      const reasons = [{ part: 'store', reason: 'starting', effect: 'queries wait' }]
      return answerJson(response, { status: 'not ready', reasons }, 503)
    }
    answerJson(response, refusal, refusal.status)
  })
  const client = createHttpClient({ url: server.url })
  const found = await checkServer(client, true)
  const port = await checkPort('127.0.0.1', Number(new URL(server.url).port))
  client.close()
  await server.close()
  return { found, port }
}

describe('a running server that wants a key', () => {
  test.each([
    ['KEY_REQUIRED', 401, 'note'],
    ['KEY_REFUSED', 401, 'warn'],
    ['ACCESS_DENIED', 403, 'warn'],
  ])('%s is a finding with a hint', async (code, status, state) => {
    const { found, port } = await ask({ status, code, detail: 'because' })
    expect(found).toMatchObject([
      {
        state,
        subject: 'server',
        text: expect.stringContaining('it runs') as string,
        hint: expect.stringContaining('--data') as string,
      },
      { state: 'wrong', subject: 'store', text: 'starting' },
    ])
    expect(port).toMatchObject({ state: 'ok', text: expect.stringContaining('is a Tailrace server') as string })
  })

  test('another refusal is wrong', async () => {
    const { found } = await ask({ status: 403, code: 'ORIGIN_REFUSED', detail: 'not by this name' })
    expect(found).toEqual([{ state: 'wrong', subject: 'server', text: 'not by this name', hint: undefined }])
  })
})

test.each([
  [{ open: true, keys: { read: 0, write: 0, admin: 0 } }, 'open: it asks nobody for a key'],
  [
    { open: false, keys: { read: 2, write: 1200, admin: 1 } },
    'asks everybody for a key; valid: 2 read, 1,200 write, 1 admin',
  ],
])('a server says how it stands: %j', async (access, text) => {
  const server = await startTinyServer((_request, response) =>
    answerJson(response, {
      access,
      status: 'ready',
      reasons: [],
      version: '1',
      uptimeSeconds: 1,
      listeners: {},
      ingest: { accepted: { total: 0 }, rejected: { total: 0 } },
      lag: { seconds: 0 },
      spool: {},
      store: {},
      disk: { usedBytes: null },
      process: { pid: 1 },
    }),
  )
  const client = createHttpClient({ url: server.url })
  expect(await checkServer(client, true)).toContainEqual({ state: 'ok', subject: 'access', text })
  client.close()
  await server.close()
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyInfo } from '../access/access.ts'
import { openKeyedApi, type KeyedApi } from './testing/keyed-api.ts'

let api: KeyedApi
let admin: string
beforeEach(async () => {
  api = await openKeyedApi()
  admin = await api.key({ role: 'admin', name: 'ops' })
})
afterEach(() => api.close())

interface Created {
  key: string
  info: KeyInfo
}

async function refusedToken(body: object): Promise<unknown> {
  return (await api.ask('POST', '/api/v1/tokens', { key: admin, body })).json()
}

test('what is wrong with a token is told in the words of the request', async () => {
  expect(await refusedToken({ expires: '2d' })).toMatchObject({
    status: 400,
    detail: 'expires: it is no time that this can be valid for.',
    hint: 'More than nothing, and 1d at most (the setting access.tokenAgeMax).',
  })
  expect(await refusedToken({ role: 'read', expires: '1h', filter: 'service:x | stats count()' })).toMatchObject({
    status: 400,
    detail: 'filter: a filter takes no pipes at all: leave out everything from the first | on.',
  })
})

test.each(['/api/v1/keys', '/api/v1/tokens', '/api/v1/session', '/api/v1/query'])(
  'a body without a content type is told what it lacks by %s',
  async (path) => {
    const answer = await fetch(api.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin}` },
      body: Buffer.from('{}'),
    })
    expect(await answer.json()).toMatchObject({
      status: 415,
      code: 'CONTENT_TYPE_UNSUPPORTED',
      hint: 'Send content-type: application/json.',
    })
  },
)

describe('while there are no keys', () => {
  let open: KeyedApi
  beforeEach(async () => {
    open = await openKeyedApi()
  })
  afterEach(() => open.close())

  test('anybody may make the first key, which shuts the door', async () => {
    expect((await open.ask('GET', '/api/v1/session')).json()).toEqual({ open: true, by: 'open', role: 'admin' })
    const created = await open.ask('POST', '/api/v1/keys', { body: { role: 'admin', name: 'first' } })
    expect(created.status).toBe(201)
    expect(created.headers.get('cache-control')).toBe('no-store')
    const { key, info } = created.json() as Created
    expect(key).toMatch(/^trk_[a-z0-9]{12}_[\w-]{43}$/)
    expect(info).toMatchObject({ id: key.split('_')[1], name: 'first', role: 'admin', createdBy: '', revoked: null })
    expect((await open.ask('GET', '/api/v1/keys')).status).toBe(401)
    expect((await open.ask('GET', '/api/v1/keys', { key })).json()).toEqual({
      keys: [{ ...info, lastUsed: expect.any(String) as string }],
    })
    expect(open.audited).toMatchObject([
      { action: 'key.created', principal: { by: 'open' }, details: { 'key.id': info.id, 'key.name': 'first' } },
    ])
  })

  test.each(['read', 'write'])('the first key is no %s key', async (role) => {
    const refused = await open.ask('POST', '/api/v1/keys', { body: { role } })
    expect(refused.status).toBe(400)
    expect(refused.json()).toMatchObject({ code: 'REQUEST_INVALID', hint: expect.stringContaining('admin') as string })
    expect(open.access.isOpen).toBe(true)
    expect(open.audited).toEqual([])
  })
})

describe('making a key', () => {
  test('with everything there is', async () => {
    const filter = 'service:/billing/*'
    const wanted = { role: 'read', name: 'billing', expires: '90d', addresses: ['10.0.0.0/8', '::1'], filter }
    const answer = await api.ask('POST', '/api/v1/keys', { key: admin, body: wanted })
    const { key, info } = answer.json() as Created
    expect(info).toMatchObject({ ...wanted, expires: expect.any(String) as string, createdBy: 'ops' })
    const lifeMs = Date.parse(info.expires ?? '') - Date.parse(info.created)
    expect(lifeMs).toBe(90 * 86_400_000)
    const record = api.audited.at(-1)
    expect(record).toMatchObject({ action: 'key.created', principal: { name: 'ops' }, address: '127.0.0.1' })
    expect(record?.details).toEqual({
      'key.id': info.id,
      'key.name': 'billing',
      'key.role': 'read',
      'key.filter': filter,
      'key.addresses': '10.0.0.0/8 ::1',
      'key.expires': info.expires,
    })
    expect(JSON.stringify(api.audited)).not.toContain(key.slice(17))
  })

  test('that is used at once', async () => {
    const body = { role: 'read', expires: 60_000, filter: 'service:shop' }
    const { key } = (await api.ask('POST', '/api/v1/keys', { key: admin, body })).json() as Created
    expect((await api.ask('GET', '/api/v1/session', { key })).json()).toEqual({
      open: false,
      by: 'key',
      name: '',
      role: 'read',
      filter: 'service:shop',
    })
    expect((await api.ask('GET', '/api/v1/status', { key })).json()).toMatchObject({ code: 'ACCESS_DENIED' })
    expect((await api.ask('GET', '/api/v1/status', { key: admin })).json()).toMatchObject({
      access: { open: false, keys: { admin: 1, read: 1, write: 0 } },
    })
  })

  test.each([
    [{ role: 'reader' }, 'REQUEST_INVALID'],
    [{ role: 'read', filter: 'a | limit 5' }, 'REQUEST_INVALID'],
    [{ role: 'read', filter: '(a' }, 'REQUEST_INVALID'],
    [{ role: 'read', adresses: ['10.0.0.1'] }, 'REQUEST_INVALID'],
    [{ role: 'read', addresses: ['nowhere'] }, 'REQUEST_INVALID'],
    [{ role: 'write', stamps: { message: 'x' } }, 'REQUEST_INVALID'],
    [{ role: 'read', expires: 'soon' }, 'TIME_INVALID'],
    [{ role: 'read', expires: -5 }, 'TIME_INVALID'],
    [{ role: 'read', expires: 0 }, 'REQUEST_INVALID'],
    [{}, 'REQUEST_INVALID'],
    [[], 'REQUEST_INVALID'],
    ['admin', 'REQUEST_INVALID'],
  ])('%j is refused: %s', async (body, code) => {
    const answer = await api.ask('POST', '/api/v1/keys', { key: admin, body })
    expect(answer.json()).toMatchObject({ status: 400, code })
    expect(api.access.keys.list()).toHaveLength(1)
  })

  test('takes no form, which any page can send', async () => {
    const answer = await api.ask('POST', '/api/v1/keys', { key: admin, form: { role: 'admin' } })
    expect(answer.status).toBe(415)
  })
})

describe('revoking', () => {
  test('ends a key at once, and twice is no error', async () => {
    const reader = await api.key({ role: 'read', name: 'reader' })
    const id = reader.split('_')[1] ?? ''
    expect((await api.ask('GET', '/api/v1/status', { key: reader })).status).toBe(200)
    const first = (await api.ask('DELETE', `/api/v1/keys/${id}`, { key: admin })).json() as KeyInfo
    expect(first).toMatchObject({ id, name: 'reader', revoked: expect.any(String) as string })
    expect((await api.ask('GET', '/api/v1/status', { key: reader })).json()).toMatchObject({ code: 'KEY_REFUSED' })
    const again = await api.ask('DELETE', `/api/v1/keys/${id}`, { key: admin })
    expect(again.json()).toMatchObject({ revoked: first.revoked })
    expect(api.audited.map(({ action }) => action)).toEqual(['key.revoked'])
  })

  test('what does not exist is not found', async () => {
    const answer = await api.ask('DELETE', '/api/v1/keys/aaaaaaaaaaaa', { key: admin })
    expect(answer.json()).toMatchObject({ status: 404, code: 'KEY_NOT_FOUND' })
    expect(api.audited).toEqual([])
  })
})

test('lists show no secret', async () => {
  const keys = [admin, await api.key({ role: 'write', stamps: { service: 'a' } })]
  const { text } = await api.ask('GET', '/api/v1/keys', { key: admin })
  for (const key of keys) {
    expect(text).toContain(key.split('_')[1])
    expect(text).not.toContain(key.slice(17))
  }
  expect(text).not.toMatch(/sha256|signing/i)
})

test.each(['read', 'write'] as const)('a %s key manages nothing', async (role) => {
  const key = await api.key({ role })
  for (const [method, path] of [
    ['GET', '/api/v1/keys'],
    ['POST', '/api/v1/keys'],
    ['DELETE', `/api/v1/keys/${key.split('_')[1]}`],
  ] as const) {
    const answer = await api.ask(method, path, { key, ...(method === 'POST' ? { body: { role: 'admin' } } : {}) })
    expect(answer.json()).toMatchObject({ status: 403, code: 'ACCESS_DENIED' })
  }
})

describe('tokens', () => {
  test('do less than their key, for a while, and are in the audit trail', async () => {
    const key = await api.key({ role: 'read', name: 'reader', filter: 'tenant:a' })
    const body = { filter: 'service:shop OR host:x', expires: '15m' }
    const answer = await api.ask('POST', '/api/v1/tokens', { key, body })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const { token, expires } = answer.json() as { token: string; expires: string }
    expect(token).toMatch(/^trt_/)
    const who = (await api.ask('GET', '/api/v1/session', { key: token })).json() as { by: string; filter: string }
    expect(who.by).toBe('token')
    expect(who.filter.replaceAll(/\s/g, '')).toBe('(tenant:a)AND(service:shopORhost:x)')
    const { details } = api.audited.at(-1) ?? {}
    expect(details).toEqual({ 'token.role': 'read', 'token.filter': body.filter, 'token.expires': expires })
    expect(JSON.stringify(api.audited)).not.toContain(token)
  })

  test('make no keys, which would outlive them', async () => {
    const admin = await api.key({ role: 'admin' })
    const { token } = (await api.ask('POST', '/api/v1/tokens', { key: admin, body: { expires: '1m' } })).json() as {
      token: string
    }
    const answer = await api.ask('POST', '/api/v1/keys', { key: token, body: { role: 'admin' } })
    expect(answer.json()).toMatchObject({ status: 403, code: 'ACCESS_DENIED' })
    const listed = await api.ask('GET', '/api/v1/keys', { key: token })
    expect(listed.status).toBe(200)
  })

  test('are neither made with tokens nor beyond what the key may', async () => {
    const key = await api.key({ role: 'read' })
    const { token } = (await api.ask('POST', '/api/v1/tokens', { key, body: { expires: 60_000 } })).json() as {
      token: string
    }
    const denied = [
      await api.ask('POST', '/api/v1/tokens', { key: token, body: { expires: '1m' } }),
      await api.ask('POST', '/api/v1/tokens', { key, body: { role: 'admin', expires: '1m' } }),
    ]
    for (const answer of denied) expect(answer.json()).toMatchObject({ status: 403, code: 'ACCESS_DENIED' })
    const endless = await api.ask('POST', '/api/v1/tokens', { key, body: { role: 'read' } })
    expect(endless.json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' })
  })
})

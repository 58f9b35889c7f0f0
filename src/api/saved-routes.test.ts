import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openKeyedApi, type KeyedApi } from './testing/keyed-api.ts'

let api: KeyedApi
let ann: string
let eve: string
let admin: string
beforeAll(async () => {
  api = await openKeyedApi()
  admin = await api.key({ role: 'admin', name: 'root' })
  ann = await api.key({ role: 'read', name: 'ann' })
  eve = await api.key({ role: 'read', name: 'eve', filter: 'tenant:a' })
})
afterAll(() => api.close())

const BODY = { name: 'Failures', query: 'level:>=error', start: '-1h', columns: ['order'] }
const WHOLE = { ...BODY, end: '', by: 'ann', id: expect.any(String) as string }
const TIMES = { created: expect.stringMatching(/Z$/) as string, updated: expect.stringMatching(/Z$/) as string }

describe('saved searches', () => {
  test('are saved, listed, changed and removed', async () => {
    const made = await api.ask('POST', '/api/v1/searches', { key: ann, body: BODY })
    expect([made.status, made.json()]).toEqual([201, { ...WHOLE, ...TIMES, isOwn: true }])
    const { id } = made.json() as { id: string }
    const list = async (key: string) => (await api.ask('GET', '/api/v1/searches', { key })).json()
    expect(await list(ann)).toEqual({ searches: [{ ...WHOLE, ...TIMES, isOwn: true }] })
    expect(await list(admin)).toMatchObject({ searches: [{ id, isOwn: true }] })
    expect(await list(eve)).toEqual({ searches: [] })
    const path = `/api/v1/searches/${id}`
    const changed = await api.ask('PUT', path, { key: ann, body: { name: 'All', query: '' } })
    expect(changed.json()).toMatchObject({ id, name: 'All', query: '', start: '', columns: [] })
    expect((await api.ask('DELETE', path, { key: eve })).json()).toMatchObject({ status: 404, code: 'SAVED_NOT_FOUND' })
    expect((await api.ask('DELETE', path, { key: admin })).status).toBe(200)
    expect(await list(ann)).toEqual({ searches: [] })
  })

  test.each<[name: string, body: unknown]>([
    ['no name', { query: 'x' }],
    ['an empty name', { name: '', query: 'x' }],
    ['a long name', { name: 'x'.repeat(101), query: 'x' }],
    ['no query', { name: 'x' }],
    ['a field that is not known', { ...BODY, colums: [] }],
    ['columns that are none', { ...BODY, columns: [''] }],
    ['too many columns', { ...BODY, columns: Array.from({ length: 51 }, String) }],
  ])('%s is refused', async (_name, body) => {
    const answer = await api.ask('POST', '/api/v1/searches', { key: ann, body })
    expect(answer.json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' })
  })

  test('a key that only writes neither sees nor saves any', async () => {
    const key = await api.key({ role: 'write', name: 'app' })
    for (const [method, body] of [
      ['GET', undefined],
      ['POST', BODY],
    ] as const) {
      const answer = await api.ask(method, '/api/v1/searches', { key, ...(body && { body }) })
      expect(answer.status).toBe(403)
    }
  })
})

describe('shared views', () => {
  test('are found by whoever has the id', async () => {
    const address = '/?q=level%3Aerror&start=-1h'
    const made = await api.ask('POST', '/api/v1/shares', { key: ann, body: { address } })
    expect([made.status, made.json()]).toEqual([
      201,
      { id: expect.any(String) as string, address, by: 'ann', created: TIMES.created },
    ])
    const again = await api.ask('POST', '/api/v1/shares', { key: ann, body: { address } })
    expect([again.status, again.json()]).toEqual([200, made.json()])
    const { id } = made.json() as { id: string }
    expect((await api.ask('GET', `/api/v1/shares/${id}`, { key: eve })).json()).toEqual(made.json())
    expect((await api.ask('GET', `/api/v1/shares/${id}`)).status).toBe(401)
    expect((await api.ask('GET', '/api/v1/shares', { key: eve })).json()).toEqual({ shares: [] })
    expect((await api.ask('GET', '/api/v1/shares', { key: admin })).json()).toEqual({ shares: [made.json()] })
    expect((await api.ask('DELETE', `/api/v1/shares/${id}`, { key: eve })).status).toBe(404)
    expect((await api.ask('DELETE', `/api/v1/shares/${id}`, { key: ann })).status).toBe(200)
    expect((await api.ask('GET', `/api/v1/shares/${id}`, { key: ann })).json()).toMatchObject({
      status: 404,
      code: 'SAVED_NOT_FOUND',
    })
  })

  test.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '/a\\b',
    'javascript:alert(1)',
    '?q=x',
    '',
    '/a b',
    '/\n/x',
    `/?q=${'x'.repeat(8000)}`,
  ])('%.40j is no address of this page', async (address) => {
    const answer = await api.ask('POST', '/api/v1/shares', { key: ann, body: { address } })
    expect(answer.json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' })
  })
})

describe('retention', () => {
  test.each<[method: string, path: string, body: unknown, statuses: [ann: number, eve: number, admin: number]]>([
    ['GET', '/api/v1/retention', undefined, [200, 403, 200]],
    ['PUT', '/api/v1/retention', { rules: [], revision: 'x' }, [403, 403, 503]],
    ['POST', '/api/v1/retention/preview', { rules: [] }, [403, 403, 503]],
    ['PUT', '/api/v1/retention', { rules: [{ filter: '', age: '1d' }], revision: 'x' }, [403, 403, 400]],
    ['POST', '/api/v1/retention/preview', { rules: [{ filter: 'x' }] }, [403, 403, 400]],
  ])('%s %s %j', async (method, path, body, statuses) => {
    const answers = await Promise.all(
      [ann, eve, admin].map((key) => api.ask(method, path, { key, ...(body !== undefined && { body }) })),
    )
    expect(answers.map(({ status }) => status)).toEqual(statuses)
    expect(api.audited).toEqual([])
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openKeyedApi, type AskOptions, type KeyedAnswer, type KeyedApi } from './testing/keyed-api.ts'

const HTML = { accept: 'text/html,*/*' }
const COOKIE = /^tailrace_session=(trs_[\w.-]+); Path=\/; HttpOnly; SameSite=Strict; Expires=[^;]+ GMT$/

let api: KeyedApi
let key: string
let origin: string
beforeEach(async () => {
  api = await openKeyedApi()
  key = await api.key({ role: 'read', name: 'ann <a>', filter: 'tenant:"a"' })
  origin = api.url
})
afterEach(() => api.close())

const cookieOf = ({ headers }: KeyedAnswer): string => headers.get('set-cookie') ?? ''
const actions = (): string[] => api.audited.map(({ action }) => action)

/** Logs in and gives the headers with which a page goes on. */
async function logIn(): Promise<Record<string, string>> {
  const answer = await api.ask('POST', '/api/v1/session', { body: { key }, headers: { origin } })
  return { cookie: cookieOf(answer).split(';')[0] ?? '', origin }
}

describe('logging in', () => {
  test('sets a cookie that stands for the key', async () => {
    const answer = await api.ask('POST', '/api/v1/session', { body: { key: ` ${key}\n` } })
    expect(answer.status).toBe(200)
    const who = { open: false, by: 'session', name: 'ann <a>', role: 'read', filter: 'tenant:"a"' }
    expect(answer.json()).toEqual({ ...who, expires: expect.stringMatching(/^\d{4}-.*Z$/) as string })
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(cookieOf(answer)).toMatch(COOKIE)
    const cookie = cookieOf(answer).split(';')[0] ?? ''
    expect((await api.ask('GET', '/api/v1/session', { headers: { cookie, origin } })).json()).toEqual(answer.json())
    expect((await api.ask('GET', '/api/v1/session', { key })).json()).toEqual({ ...who, by: 'key' })
    expect(api.audited).toMatchObject([
      { action: 'session.opened', principal: { by: 'session' }, address: '127.0.0.1' },
    ])
    expect(JSON.stringify(api.audited)).not.toMatch(/trk_|trs_/)
  })

  test('under TLS the cookie is for TLS and this host only', async () => {
    const headers = { 'x-forwarded-proto': 'https' }
    const answer = await api.ask('POST', '/api/v1/session', { body: { key }, headers })
    expect(cookieOf(answer)).toMatch(/^__Host-tailrace_session=trs_[^;]+; Path=\/; HttpOnly; SameSite=Strict; Secure; /)
    const cookie = cookieOf(answer).split(';')[0] ?? ''
    expect((await api.ask('GET', '/api/v1/session', { headers: { cookie } })).json()).toMatchObject({ by: 'session' })
  })

  test('a form is shown the page', async () => {
    const answer = await api.ask('POST', '/api/v1/session', { form: { key }, headers: { ...HTML, origin } })
    expect([answer.status, answer.headers.get('location'), answer.text]).toEqual([303, '/', ''])
    expect(cookieOf(answer)).toMatch(COOKIE)
  })

  test('what is no key is refused, counted and in the audit trail', async () => {
    const secret = 'trk_aaaaaaaaaaaa_thisisnotakey'
    const refused = await api.ask('POST', '/api/v1/session', { body: { key: secret } })
    expect(refused.json()).toMatchObject({ status: 401, code: 'KEY_REFUSED' })
    const form = await api.ask('POST', '/api/v1/session', { form: { key: secret }, headers: HTML })
    expect([form.status, form.headers.get('location'), form.text]).toEqual([303, '/?login=refused', ''])
    for (const answer of [refused, form]) expect(cookieOf(answer)).toBe('')
    expect(api.audited).toEqual(
      [1, 2].map(() => ({ action: 'session.refused', principal: undefined, address: '127.0.0.1' })),
    )
    // Both are failures for whoever limits them.
    expect(api.context.counters.total('http_errors_total', { code: 'KEY_REFUSED' })).toBe(2)
  })

  test('whoever tries many is limited, and does not fill the audit trail; a valid key goes through', async () => {
    const statuses: number[] = []
    while (!statuses.includes(429) && statuses.length < 200) {
      statuses.push((await api.ask('POST', '/api/v1/session', { body: { key: 'trk_wrong' } })).status)
    }
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
    expect(actions()).toHaveLength(statuses.length - 1)
    expect((await api.ask('POST', '/api/v1/session', { body: { key } })).status).toBe(200)
    expect((await api.ask('GET', '/api/v1/fields', { key: 'trk_wrong' })).status).toBe(429)
  })

  test.each<[name: string, headers: () => Record<string, string>]>([
    ['another site', () => ({ 'sec-fetch-site': 'cross-site' })],
    ['a neighbour', () => ({ 'sec-fetch-site': 'same-site', origin: 'http://other.localhost' })],
    ['another port', () => ({ origin: 'http://127.0.0.1:1' })],
    ['another scheme', () => ({ origin: 'ftp://127.0.0.1' })],
    ['a page without a name', () => ({ origin: 'null' })],
    ['another site that claims our origin', () => ({ origin, 'sec-fetch-site': 'cross-site' })],
  ])('not from %s', async (_name, headers) => {
    for (const [method, path, options] of [
      ['POST', '/api/v1/session', { form: { key } }],
      ['POST', '/api/v1/session/end', { form: {} }],
      ['DELETE', '/api/v1/session', {}],
    ] as const) {
      const answer = await api.ask(method, path, { ...(options as AskOptions), headers: headers() })
      expect(answer.json()).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' })
      expect(cookieOf(answer)).toBe('')
    }
    expect(api.audited).toEqual([])
  })

  test.each([{ 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'same-origin', origin: 'null' }, {}])(
    'from our page or a program: %j',
    async (headers) => {
      expect((await api.ask('POST', '/api/v1/session', { body: { key }, headers: { ...headers } })).status).toBe(200)
    },
  )

  test.each([{}, { key: '' }, { key: 'x'.repeat(1001) }, { key: ['a'], name: 'b' }])('%j is no login', async (body) => {
    expect((await api.ask('POST', '/api/v1/session', { body })).json()).toMatchObject({
      status: 400,
      code: 'REQUEST_INVALID',
    })
  })
})

describe('logging out', () => {
  test.each<[method: string, path: string, headers: Record<string, string>, status: number]>([
    ['DELETE', '/api/v1/session', {}, 204],
    ['POST', '/api/v1/session/end', {}, 204],
    ['POST', '/api/v1/session/end', HTML, 303],
  ])('%s %s %j', async (method, path, accept, status) => {
    const session = await logIn()
    const answer = await api.ask(method, path, { headers: { ...session, ...accept } })
    expect(answer.status).toBe(status)
    expect(cookieOf(answer)).toBe('tailrace_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0')
    // Whoever kept the cookie has nothing.
    expect((await api.ask('GET', '/api/v1/session', { headers: session })).json()).toEqual({
      open: false,
      by: 'nobody',
    })
    expect((await api.ask('GET', '/api/v1/fields', { headers: session })).status).toBe(401)
    expect(actions()).toEqual(['session.opened', 'session.closed'])
  })

  test.each<[name: string, method: string, path: string, more: () => Record<string, string>]>([
    ['DELETE of a program, which sends no Origin', 'DELETE', '/api/v1/session', () => ({})],
    ['POST of a program', 'POST', '/api/v1/session/end', () => ({})],
    ['a key beside the cookie', 'DELETE', '/api/v1/session', () => ({ authorization: `Bearer ${key}` })],
    ['no key beside the cookie', 'DELETE', '/api/v1/session', () => ({ authorization: 'Bearer wrong' })],
  ])('ends the session of the cookie: %s', async (_name, method, path, more) => {
    const { cookie = '' } = await logIn()
    expect((await api.ask(method, path, { headers: { cookie, ...more() } })).status).toBe(204)
    expect((await api.ask('GET', '/api/v1/session', { headers: { cookie } })).json()).toMatchObject({ by: 'nobody' })
    expect(actions()).toEqual(['session.opened', 'session.closed'])
    // Once more: it has ended, so nothing is left to say no to.
    expect((await api.ask(method, path, { headers: { cookie, ...more() } })).status).toBe(204)
    expect(actions()).toEqual(['session.opened', 'session.closed'])
  })

  test('does not say that a session has ended which it cannot tell', async () => {
    const { cookie = '' } = await logIn()
    const headers = { cookie: `${cookie}; tailrace_session=another` }
    const answer = await api.ask('DELETE', '/api/v1/session', { headers })
    expect([answer.status, cookieOf(answer)]).toEqual([400, ''])
  })

  test('without a session only clears the cookie', async () => {
    const answer = await api.ask('DELETE', '/api/v1/session', { key })
    expect(answer.status).toBe(204)
    expect(actions()).toEqual([])
    expect((await api.ask('GET', '/api/v1/session', { key })).json()).toMatchObject({ by: 'key' })
  })

  test('another page does not log anybody out', async () => {
    const session = await logIn()
    await api.ask('POST', '/api/v1/session/end', { headers: { ...session, origin: 'http://evil.example' } })
    expect((await api.ask('GET', '/api/v1/session', { headers: session })).json()).toMatchObject({ by: 'session' })
  })
})

describe('the page', () => {
  test.each(['/docs', '/docs/'])('%s sends browsers that are not logged in to it', async (path) => {
    for (const headers of [HTML, { ...HTML, cookie: 'tailrace_session=trs_over.x' }]) {
      const answer = await api.ask('GET', path, { headers })
      expect([answer.status, answer.headers.get('location'), answer.text]).toEqual([303, '/', ''])
      expect(answer.headers.get('www-authenticate')).toBeNull()
    }
    expect((await api.ask('GET', path, { headers: { ...HTML, ...(await logIn()) } })).status).not.toBe(303)
    expect((await api.ask('GET', path)).status).toBe(401)
    expect((await api.ask('HEAD', path, { headers: HTML })).status).not.toBe(303)
    for (const other of ['/openapi.json', '/api/v1/status', '/metrics']) {
      expect((await api.ask('GET', other, { headers: HTML })).status).toBe(401)
    }
    // A wrong key is a failure, whatever answer it likes.
    expect((await api.ask('GET', path, { key: 'trk_wrong', headers: HTML })).status).toBe(401)
  })

  test('tells strangers how to get a key and where it is needed', async () => {
    const { text } = await api.ask('GET', '/')
    expect(text).toContain('tailrace keys create --role read')
    expect(text).toMatch(/\/docs +every address of this server, with its parameters \(with a key\)\n/)
    expect(text).toMatch(/\/metrics +figures for Prometheus \(with a key\)\n/)
    expect(text).toMatch(/\/readyz +whether it can do all of its work\n/)
    expect((await api.ask('GET', '/', { key })).text).not.toMatch(/with a key|keys create/)
  })

  test('asks strangers for a key, and tells them little', async () => {
    const { text, headers } = await api.ask('GET', '/')
    expect(headers.get('content-type')).toContain('text/plain')
    expect(text).toMatch(/asks for a key[^]*authorization: Bearer \$TAILRACE_KEY/)
    expect(text).not.toContain(api.context.version)
  })
})

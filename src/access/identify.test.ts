import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../core/errors.ts'
import { formatKey, parseKey } from '../core/signing.ts'
import type { RequestHead } from './access.ts'
import { bearer, cookie, head, refusal, signed, testAccess } from './testing/temporary-access.ts'

test('without keys everybody may do everything, whatever they show', async () => {
  const { access } = await testAccess()
  expect(access.isOpen).toBe(true)
  for (const request of [head(), bearer('trk_x_y'), cookie('trs_x.y'), head({ 'tailrace-key': 'x' })]) {
    expect(access.identify(request).principal).toMatchObject({ by: 'open', role: 'admin' })
  }
  expect(refusal(() => access.openSession('trk_x_y', '127.0.0.1')).code).toBe('KEY_REFUSED')
  const { principal } = access.identify(head())
  expect(refusal(() => access.createToken(principal, { expiresInMs: 1000 })).code).toBe('ACCESS_DENIED')
  await access.closeSession(principal)
})

test('once there was a key everybody has to show one', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read', name: 'ann', filter: 'service:a' })
  expect(access.isOpen).toBe(false)
  expect(refusal(() => access.identify(head())).code).toBe('KEY_REQUIRED')
  expect(access.identify(bearer(text)).principal).toMatchObject({
    by: 'key',
    name: 'ann',
    role: 'read',
    filter: 'service:a',
  })
})

test.each<[url: string, isHinted: boolean]>([
  ['/api/v1/query?key=trk_a_b', true],
  ['/api/v1/query?query=a&KEY=trt_a.b', true],
  ['/api/v1/query?token=x', true],
  ['/api/v1/query?query=a&access_token=x', true],
  ['/api/v1/query?query=access_token', false],
  ['/api/v1/fields?key=service', false],
  ['/key=trk_a_b', false],
])('keys are never taken from addresses: %s', async (url, isHinted) => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read' })
  const { code, hint } = refusal(() => access.identify(head({}, { url: url.replace('trk_a_b', text) })))
  expect([code, hint?.includes('never taken from the address')]).toEqual(['KEY_REQUIRED', isHinted])
  expect(hint).not.toContain(text)
})

test('every way to show a key', async () => {
  const { access, key, counters } = await testAccess()
  const text = await key({ role: 'write', stamps: { service: '/ops' } })
  const basic = Buffer.from(`any:${text}`).toString('base64')
  const { token } = access.createToken(access.identify(bearer(text)).principal, { expiresInMs: 60_000 })
  const session = access.openSession(text, '127.0.0.1')
  expect(access.identify(head({ authorization: `bearer  ${text}` })).principal.by).toBe('key')
  expect(access.identify(head({ Authorization: `BASIC ${basic}` })).principal.by).toBe('key')
  expect(access.identify(bearer(token)).principal.by).toBe('token')
  expect(access.identify(cookie(session.cookie)).principal).toBe(session.principal)
  const identity = access.identify(signed(text, Date.now()))
  expect(identity).toMatchObject({ principal: { by: 'signature', stamps: new Map([['service', '/ops']]) } })
  expect(identity.bodySha256).toHaveLength(32)
  expect(counters.total('access_identified_total')).toBe(6)
  expect(counters.total('access_refused_total')).toBe(0)
})

test('the same thing shown again is the same principal', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read' })
  const { principal } = access.identify(bearer(text))
  const { token } = access.createToken(principal, { expiresInMs: 60_000 })
  const byToken = access.identify(bearer(token)).principal
  await key({ role: 'read' })
  expect(access.identify(head({ authorization: `BEARER ${text}` })).principal).toBe(principal)
  expect(access.identify(bearer(token)).principal).toBe(byToken)
})

test('nothing tells a key that exists from one that does not', async () => {
  let nowMs = 1_800_000_000_000
  const { access, key, counters } = await testAccess({ clock: () => nowMs })
  const good = await key({ role: 'write' })
  const [revoked, expired, elsewhere] = [
    await key({ role: 'write' }),
    await key({ role: 'write', expiresInMs: 1000 }),
    await key({ role: 'write', addresses: ['10.0.0.0/8', '2001:db8::/32'] }),
  ]
  const { token } = access.createToken(access.identify(bearer(good)).principal, { expiresInMs: 1000 })
  const ofRevoked = access.createToken(access.identify(bearer(revoked)).principal, { expiresInMs: 1e6 }).token
  const session = access.openSession(good, '127.0.0.1')
  await access.closeSession(session.principal)
  await access.keys.revoke(revoked.split('_')[1] ?? '')
  nowMs += 1000
  const parts = parseKey(good) ?? { id: '', secret: Buffer.alloc(0) }
  const wrong = formatKey({ id: parts.id, secret: Buffer.from(parts.secret).fill(7, 31) })
  const cases: [string, RequestHead][] = [
    ['unknown', bearer(formatKey({ ...parts, id: 'nobody000000' }))],
    ['secret', bearer(wrong)],
    ['revoked', bearer(revoked)],
    ['expired', bearer(expired)],
    ['address', bearer(elsewhere)],
    ['address', bearer(elsewhere, { address: '' })],
    ['address', bearer(elsewhere, { address: '::ffff:11.0.0.1' })],
    ['unreadable', bearer('')],
    ['unreadable', bearer('x')],
    ['unreadable', bearer(good.slice(4))],
    ['unreadable', bearer(`${good} ${good}`)],
    ['unknown', bearer(good.slice(0, -1))],
    ['unknown', bearer(`${good}A`)],
    ['unreadable', head({ authorization: good })],
    ['unreadable', head({ authorization: `Digest ${good}` })],
    ['unreadable', head({ authorization: `Basic ${Buffer.from(good).toString('base64')}` })],
    ['unreadable', head({ authorization: `Basic ${Buffer.from(`${good}:x`).toString('base64')}` })],
    ['expired', bearer(token)],
    ['revoked', bearer(ofRevoked)],
    ['token', bearer(`${token}A`)],
    ['unreadable', bearer(session.cookie)],
    ['session', cookie(session.cookie)],
    ['session', cookie(token)],
    ['session', cookie(good)],
    ['session', cookie('x'.repeat(10_000))],
  ]
  const first = refusal(() => access.identify(cases[0]?.[1] ?? head()))
  expect(first.code).toBe('KEY_REFUSED')
  for (const [reason, request] of cases) {
    const before = counters.total('access_refused_total', { reason })
    expect(refusal(() => access.identify(request))).toEqual(first)
    expect([reason, counters.total('access_refused_total', { reason })]).toEqual([reason, before + 1])
  }
  for (const text of [wrong, revoked, expired, elsewhere, token, 'x', formatKey({ ...parts, id: 'nobody000000' })]) {
    expect(refusal(() => access.openSession(text, '127.0.0.1'))).toEqual(first)
  }
  expect(access.identify(bearer(good)).principal.by).toBe('key')
})

test.each<[string, string[], string, boolean]>([
  ['an address', ['10.0.0.1'], '10.0.0.1', true],
  ['its neighbour', ['10.0.0.1'], '10.0.0.2', false],
  ['a range', ['10.0.0.0/8'], '10.255.0.1', true],
  ['a range written with host bits', ['10.1.2.3/8'], '10.255.0.1', true],
  ['a mapped sender', ['10.0.0.0/8'], '::ffff:10.1.2.3', true],
  ['a mapped sender in hex', ['10.0.0.0/8'], '::ffff:a01:203', true],
  ['a mapped sender elsewhere', ['10.0.0.0/8'], '::ffff:11.1.2.3', false],
  ['a mapped rule', ['::ffff:10.0.0.1'], '10.0.0.1', true],
  ['every IPv4 address', ['0.0.0.0/0'], '192.0.2.1', true],
  ['every IPv4 address is no IPv6 address', ['0.0.0.0/0'], '2001:db8::1', false],
  ['IPv6', ['2001:db8::/32'], '2001:DB8:0::1', true],
  ['IPv6 elsewhere', ['2001:db8::/32'], '2001:db9::1', false],
  ['a sender with a zone', ['fe80::/10'], 'fe80::1%eth0', true],
  ['one of several', ['10.0.0.1', '::1'], '::1', true],
  ['no address at all', ['::/0'], 'unix', false],
])('addresses: %s', async (_what, addresses, address, isAllowed) => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read', addresses })
  const identify = (): string => access.identify(bearer(text, { address })).principal.by
  if (isAllowed) expect(identify()).toBe('key')
  else expect(refusal(identify).code).toBe('KEY_REFUSED')
})

test('an address counts with every request, also when the key is known already', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read', addresses: ['127.0.0.1'] })
  expect(access.identify(bearer(text)).principal.by).toBe('key')
  expect(refusal(() => access.identify(bearer(text, { address: '127.0.0.2' }))).code).toBe('KEY_REFUSED')
})

/** Requests that show two things, or one thing twice. */
function doubles(text: string): RequestHead[] {
  const authorization = ['Authorization', `Bearer ${text}`] as const
  const signature = Object.entries(signed(text, Date.now()).headers).map(([k, v]) => [k, String(v)] as const)
  const rest = { method: 'POST', url: '/api/v1/ingest?service=a%20b' }
  return [
    head([authorization, authorization]),
    head([authorization, ['aUTHORIZATION', 'Bearer x']]),
    head([['authorization', 'Basic eDp5'], authorization]),
    head([authorization, ...signature], rest),
    head([authorization, ['Tailrace-Key', 'x']]),
    ...signature.map(([name, value]) => head([...signature, [name.toUpperCase(), value]], rest)),
    ...signature.map(([name]) => head([[name, ''], ...signature], rest)),
    head([['Host', 'a'], ['hOST', 'b'], authorization]),
    head([['Tailrace-Anything', 'a'], ['tailrace-anything', 'a'], authorization]),
  ]
}

test('a request shows one thing, once', async () => {
  const { access, key } = await testAccess()
  const unknown = formatKey({ id: 'nobody000000', secret: Buffer.alloc(32) })
  for (const request of doubles(unknown)) expect(refusal(() => access.identify(request)).code).toBe('REQUEST_INVALID')
  for (const request of doubles(await key({ role: 'write' }))) {
    expect(refusal(() => access.identify(request)).code).toBe('REQUEST_INVALID')
  }
})

test('a cookie, which browsers send unasked, gives way to a key', async () => {
  const { access, key } = await testAccess()
  const [reader, writer] = [await key({ role: 'read' }), await key({ role: 'write' })]
  const session = access.openSession(reader, '127.0.0.1')
  const both = (text: string) => cookie(session.cookie, { authorization: `Bearer ${text}` })
  expect(access.identify(both(writer)).principal).toMatchObject({ by: 'key', role: 'write' })
  expect(refusal(() => access.identify(both('x'))).code).toBe('KEY_REFUSED')
  const request = signed(writer, Date.now())
  const withCookie = { ...request, headers: { ...request.headers, cookie: `tailrace_session=${session.cookie}` } }
  expect(access.identify(withCookie).principal.by).toBe('signature')
})

test('whatever the headers are, only an AppError is thrown', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'write' })
  const real = [
    text,
    access.openSession(text, '').cookie,
    access.createToken(access.identify(bearer(text)).principal, { expiresInMs: 1e6 }).token,
    Buffer.from(`a:${text}`).toString('base64'),
    String(Date.now()),
    text.split('_')[1] ?? '',
  ]
  const names =
    'Authorization authorization Cookie Host Origin Sec-Fetch-Site Tailrace-Key tailrace-timestamp tailrace- tailrace-x'
  const name = fc.constantFrom(...names.split(' '), 'Tailrace-Content-SHA256', 'Tailrace-Signature', '')
  const noise = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom(...real, 'same-origin', 'null'))
  const prefixes = 'tailrace_session= __Host-tailrace_session= trk_ trt_ trs_ v1= e1= v2= http:// eyJhbGciOiJub25lIn0.'
  const prefix = fc.constantFrom('', 'Bearer ', 'Basic ', 'bearer  ', ...prefixes.split(' '))
  const value = fc.tuple(prefix, noise, fc.constantFrom('', 'A', '.', ';', '=', '\n')).map((parts) => parts.join(''))
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'DELETE', 'x'),
    url: fc.oneof(fc.string(), fc.constantFrom('/a?service=b&level=info', '/?service=%&level=%00', '?', '')),
    address: fc.oneof(fc.constantFrom('127.0.0.1', '::1', ''), fc.string()),
    pairs: fc.array(fc.tuple(name, value), { maxLength: 7 }),
  })
  const bys = new Set(['key', 'token', 'session', 'signature'])
  fc.assert(
    fc.property(request, ({ pairs, ...rest }) => {
      try {
        expect(bys).toContain(access.identify(head(pairs, rest)).principal.by)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
      }
    }),
    { numRuns: 3000 },
  )
})

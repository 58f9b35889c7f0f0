import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { NewKey, NewToken } from './access.ts'
import { allOf } from './tokens.ts'
import { bearer, head, refusal, signed, testAccess, type TestAccess } from './testing/temporary-access.ts'

/** A key, and the token made with it, as principals. */
async function exchange({ access, key }: TestAccess, of: NewKey, wanted: NewToken) {
  const parent = access.identify(bearer(await key(of))).principal
  const { token, expires } = access.createToken(parent, wanted)
  return { parent, token, expires, principal: access.identify(bearer(token)).principal }
}

test.each<[string, NewKey, Partial<NewToken>, object]>([
  ['all its key may', { role: 'read', filter: 'a' }, {}, { role: 'read', filter: 'a' }],
  ['a filter of its own', { role: 'read' }, { filter: 'b' }, { role: 'read', filter: 'b' }],
  ['both filters', { role: 'read', filter: 'a OR b' }, { filter: 'c' }, { filter: '(a OR b\n) AND (c\n)' }],
  ['a role of an admin', { role: 'admin' }, { role: 'read', filter: 'c' }, { role: 'read', filter: 'c' }],
  ['no role: an admin', { role: 'admin' }, {}, { role: 'admin' }],
  ['stamps', { role: 'write' }, { stamps: { a: 'x' } }, { stamps: new Map([['a', 'x']]) }],
  ['the stamps of its key', { role: 'write', stamps: { a: 'x' } }, {}, { stamps: new Map([['a', 'x']]) }],
  [
    'more stamps',
    { role: 'write', stamps: { a: 'x' } },
    { stamps: { b: 'y' } },
    {
      stamps: new Map([
        ['a', 'x'],
        ['b', 'y'],
      ]),
    },
  ],
])('a token with %s', async (_what, of, wanted, expected) => {
  const { principal, parent } = await exchange(await testAccess(), of, { expiresInMs: 1e6, ...wanted })
  expect(principal).toMatchObject({ by: 'token', keyId: parent.keyId, name: parent.name, ...expected })
})

test.each<[string, NewKey, Partial<NewToken>, string]>([
  ['another role', { role: 'read' }, { role: 'write' }, 'ACCESS_DENIED'],
  ['more', { role: 'write' }, { role: 'admin' }, 'ACCESS_DENIED'],
  ['another stamp than its key', { role: 'write', stamps: { a: 'x' } }, { stamps: { a: 'y' } }, 'ACCESS_DENIED'],
  ['a filter that is none', { role: 'read' }, { filter: 'a | limit 1' }, 'REQUEST_INVALID'],
  ['a filter for writing', { role: 'write' }, { filter: 'a' }, 'REQUEST_INVALID'],
  ['an unknown role', { role: 'admin' }, { role: 'root' as 'read' }, 'REQUEST_INVALID'],
  ['too long a life', { role: 'read' }, { expiresInMs: 1e6 + 1 }, 'REQUEST_INVALID'],
  ['no life', { role: 'read' }, { expiresInMs: 0 }, 'REQUEST_INVALID'],
  ['a life of NaN', { role: 'read' }, { expiresInMs: Number.NaN }, 'REQUEST_INVALID'],
  ['a wrong address', { role: 'read' }, { addresses: ['x'] }, 'REQUEST_INVALID'],
  ['more than fits', { role: 'write' }, { stamps: { a: 'x'.repeat(1024), b: 'x'.repeat(1024) } }, ''],
  [
    'much more than fits',
    { role: 'write' },
    { stamps: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`a${index}`, 'x'.repeat(1000)])) },
    'REQUEST_INVALID',
  ],
])('no token with %s', async (_what, of, wanted, code) => {
  const made = exchange(await testAccess({ limits: { tokenMsMax: 1e6 } }), of, { expiresInMs: 1e6, ...wanted })
  if (code === '') expect((await made).principal.stamps.size).toBe(2)
  else await expect(made).rejects.toMatchObject({ code })
})

test('a token ends with its time, and never after its key', async () => {
  let nowMs = Date.UTC(2026, 0, 1)
  const short = await testAccess({ clock: () => nowMs })
  const { token, expires } = await exchange(short, { role: 'read', expiresInMs: 5000 }, { expiresInMs: 60_000 })
  expect(expires).toBe('2026-01-01T00:00:05.000Z')
  nowMs += 4999
  expect(short.access.identify(bearer(token)).principal.by).toBe('token')
  nowMs += 1
  expect(refusal(() => short.access.identify(bearer(token))).code).toBe('KEY_REFUSED')
  const long = await exchange(short, { role: 'read' }, { expiresInMs: 60_000 })
  nowMs += 59_999
  expect(short.access.identify(bearer(long.token)).principal.by).toBe('token')
  nowMs += 1
  expect(refusal(() => short.access.identify(bearer(long.token))).code).toBe('KEY_REFUSED')
})

test('a token may be used from where both it and its key allow', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read', addresses: ['10.0.0.0/8'] })
  const parent = access.identify(bearer(text, { address: '10.1.1.1' })).principal
  const { token } = access.createToken(parent, { expiresInMs: 1000, addresses: ['10.1.0.0/16', '192.168.0.0/16'] })
  expect(access.identify(bearer(token, { address: '10.1.2.3' })).principal.by).toBe('token')
  for (const address of ['10.2.0.1', '192.168.0.1', '127.0.0.1']) {
    expect(refusal(() => access.identify(bearer(token, { address }))).code).toBe('KEY_REFUSED')
  }
})

test('tokens and signatures make no tokens; sessions do', async () => {
  const test = await testAccess()
  const { access, key } = test
  const { principal } = await exchange(test, { role: 'read' }, { expiresInMs: 1000 })
  expect(refusal(() => access.createToken(principal, { expiresInMs: 1 })).code).toBe('ACCESS_DENIED')
  const writer = await key({ role: 'write' })
  const bySignature = access.identify(signed(writer, Date.now())).principal
  expect(refusal(() => access.createToken(bySignature, { expiresInMs: 1 })).code).toBe('ACCESS_DENIED')
  const session = access.openSession(writer, '127.0.0.1')
  const { token } = access.createToken(session.principal, { expiresInMs: 1000 })
  expect(access.identify(head({ authorization: `Basic ${btoa(`ann:${token}`)}` })).principal.role).toBe('write')
})

test('a token survives a restart, and does not survive its key', async () => {
  const first = await testAccess()
  const { token, parent } = await exchange(first, { role: 'read' }, { expiresInMs: 1e6 })
  await first.access.close()
  const second = await testAccess({ dir: first.dir })
  expect(second.access.identify(bearer(token)).principal.keyId).toBe(parent.keyId)
  await second.access.keys.revoke(parent.keyId)
  expect(refusal(() => second.access.identify(bearer(token))).code).toBe('KEY_REFUSED')
  expect(refusal(() => second.access.createToken(parent, { expiresInMs: 1000 })).code).toBe('KEY_REFUSED')
})

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function hmac(secret: string | Buffer, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}

test('a token is what the server signed, by the one way there is', async () => {
  const { access, dir, key } = await testAccess()
  const parent = access.identify(bearer(await key({ role: 'read' }))).principal
  const { token } = access.createToken(parent, { expiresInMs: 1e6 })
  const [payload = '', signature = ''] = token.slice(4).split('.')
  const content = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  const admin = encode({ ...content, role: 'admin' })
  const file = JSON.parse(await readFile(join(dir, 'keys.json'), 'utf8')) as {
    secret: string
    keys: [{ secretSha256: string }]
  }
  const secret = Buffer.from(file.secret, 'base64url')
  expect(hmac(secret, `trt_${payload}`)).toBe(signature)
  const none = encode({ alg: 'none', typ: 'JWT' })
  const forgeries = [
    `trt_${admin}.${signature}`,
    `trt_${admin}.`,
    `trt_${admin}`,
    `trt_.${signature}`,
    `trt_${none}.${admin}.`,
    `trt_${none}.${admin}.${signature}`,
    `trt_${encode({ ...content, alg: 'none' })}.${signature}`,
    `trt_${payload}.${signature.slice(0, 42)}`,
    `trt_${payload}.${signature}A`,
    `trt_${payload}.${signature}=`,
    `trt_${payload}.${hmac(secret, payload)}`,
    `trt_${payload}.${createHmac('sha512', secret).update(`trt_${payload}`).digest('base64url')}`,
    `trt_${payload}.${createHmac('sha256', secret).update(`trt_${payload}`).digest('hex')}`,
    `trt_${admin}.${hmac('', `trt_${admin}`)}`,
    `trt_${admin}.${hmac(file.secret, `trt_${admin}`)}`,
    `trt_${admin}.${hmac(Buffer.from(file.keys[0].secretSha256, 'base64url'), `trt_${admin}`)}`,
    `trs_${payload}.${signature}`,
    `trt_${payload}.${hmac(secret, `trs_${payload}`)}`,
    `trt_${'A'.repeat(20_000)}.${signature}`,
  ]
  for (const forgery of forgeries) {
    expect([forgery, refusal(() => access.identify(bearer(forgery))).code]).toEqual([forgery, 'KEY_REFUSED'])
  }
  expect(access.identify(bearer(token)).principal.role).toBe('read')
})

test('a payload is not parsed before its signature is verified', async () => {
  const { access, key } = await testAccess()
  await key({ role: 'read' })
  for (const payload of ['AAAA', 'bnVsbA', Buffer.from('{"key":').toString('base64url')]) {
    expect(refusal(() => access.identify(bearer(`trt_${payload}.${'A'.repeat(43)}`))).code).toBe('KEY_REFUSED')
  }
})

test('filters are joined so that neither can reach out of its parentheses', () => {
  expect(allOf('', '')).toBe('')
  expect(allOf('a', '')).toBe('a')
  expect(allOf('', 'b')).toBe('b')
  // Without the line breaks `/x) AND (y/` would be one regular expression.
  expect(allOf('service:/x', 'y/')).toBe('(service:/x\n) AND (y/\n)')
})

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  contentSha256,
  eventSignature,
  formatKey,
  parseKey,
  requestSignature,
  signedRequestHeaders,
  signingKeyOf,
} from './signing.ts'

// Expected values were computed with Python's hmac and hashlib.
const SECRET = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
const TEXT = 'trk_abc123def456_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const BODY = '{"message":"hi"}\n'
const BODY_SHA256 = '0f9615e9118d049d7851004bb1f9b8a4d02a2c96a797767fe06da089dc91ea63'
const REQUEST_SIGNATURE = 'v1=69d08b426dd9e2d432d838c27d85cd7899785e22d8fa0cfeee924af3f29e61f5'

test('a key survives its text', () => {
  expect(formatKey({ id: 'abc123def456', secret: SECRET })).toBe(TEXT)
  expect(parseKey(TEXT)).toEqual({ id: 'abc123def456', secret: SECRET })
  const key = { id: 'zzzzzzzzzzzz', secret: randomBytes(32) }
  expect(parseKey(formatKey(key))).toEqual(key)
})

test.each([
  ['nothing', ''],
  ['another prefix', TEXT.replace('trk_', 'trt_')],
  ['capitals in the id', TEXT.replace('abc', 'ABC')],
  ['a short id', TEXT.replace('abc', 'ab')],
  ['a short secret', TEXT.slice(0, -1)],
  ['a long secret', `${TEXT}A`],
  ['a line break behind it', `${TEXT}\n`],
  ['a blank before it', ` ${TEXT}`],
  ['padding', `${TEXT.slice(0, -1)}=`],
  ['another text of the same 32 bytes', `${TEXT.slice(0, -1)}9`],
])('%s is no key', (_what, text) => expect(parseKey(text)).toBeUndefined())

test('the signing key is not the secret, and is always the same', () => {
  expect(signingKeyOf(SECRET).toString('hex')).toBe('79180533fd8b022b831bbe6e5967d7b74c56fcf06860e49580e2473318674288')
})

test('a request is signed as other languages sign it', () => {
  expect(contentSha256(BODY)).toBe(BODY_SHA256)
  const target = '/api/v1/ingest?service=a%20b'
  const request = { method: 'POST', target, timestampMs: 1_700_000_000_000, contentSha256: BODY_SHA256 }
  expect(requestSignature(signingKeyOf(SECRET), request)).toBe(REQUEST_SIGNATURE)
  const key = { id: 'abc123def456', secret: SECRET }
  expect(signedRequestHeaders(key, { method: 'POST', target, body: BODY, nowMs: 1_700_000_000_000 })).toEqual({
    'tailrace-key': 'abc123def456',
    'tailrace-timestamp': '1700000000000',
    'tailrace-content-sha256': BODY_SHA256,
    'tailrace-signature': REQUEST_SIGNATURE,
  })
})

test('an event is signed as other languages sign it', () => {
  expect(
    eventSignature(signingKeyOf(SECRET), { service: 'öfen/1', level: 'warn', timestampMs: 1_700_000_000_000 }),
  ).toBe('e1=017b41a899a1d58a2e499b11c8fcdd3beb0dda3053ba0d93cba08074aa76413f')
})

test('the worked example of docs/access.md is true', () => {
  const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')
  const one = (pattern: RegExp): string => {
    const [found, ...others] = page.matchAll(pattern)
    expect([pattern, others]).toEqual([pattern, []])
    return found?.[1] ?? ''
  }
  const key = parseKey(one(/^key +(trk_[a-z0-9]{12}_.{43})$/gm))
  const body = one(/^body +(.*)$/gm)
  const [version, method = '', target = '', time, bodyHash] = one(/^```\n(v1\n[^`]*)\n```$/gm).split('\n')
  if (!key) throw new Error('the example has no key')
  const { searchParams } = new URL(target, 'http://x')
  const signingKey = signingKeyOf(key.secret)
  expect(page).toContain(`\`${signingKey.toString('hex')}\``)
  expect([version, bodyHash]).toEqual(['v1', contentSha256(body)])
  expect(signedRequestHeaders(key, { method, target, body, nowMs: Number(time) })).toMatchObject({
    'tailrace-signature': one(/^Tailrace-Signature: (v1=[0-9a-f]+)$/gm),
  })
  const service = searchParams.get('service') ?? ''
  expect(page).toContain(`over \`e1\`, \`${service}\`, \`warn\` and \`${time}\``)
  expect(eventSignature(signingKey, { service, level: 'warn', timestampMs: Number(time) })).toBe(
    one(/^Tailrace-Signature: (e1=[0-9a-f]{64})$/gm),
  )
})

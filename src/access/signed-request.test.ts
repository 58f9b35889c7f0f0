import { createHash, createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AppError } from '../core/errors.ts'
import { eventSignature, formatKey, parseKey, requestSignature, signingKeyOf } from '../core/signing.ts'
import type { RequestHead } from './access.ts'
import { bearer, head, refusal, signed, testAccess } from './testing/temporary-access.ts'

const NOW_MS = 1_800_000_000_000
const SKEW_MS = 300_000

/** An hour after its start, so that nothing is from before. */
async function running(limits = {}) {
  const clock = { nowMs: NOW_MS - 3_600_000 }
  const test = await testAccess({ clock: () => clock.nowMs, limits })
  const text = await test.key({ role: 'write', stamps: { team: 'ops' } })
  clock.nowMs = NOW_MS
  return { ...test, clock, text, ...partsOf(text) }
}

function partsOf(text: string): { id: string; signingKey: Buffer } {
  const { id, secret } = parseKey(text) ?? { id: '', secret: Buffer.alloc(0) }
  return { id, signingKey: signingKeyOf(secret) }
}

/** A request signed as an event. */
function event(text: string, timestampMs: number, { service = '/ops/x', level = 'warn', ...rest } = {}): RequestHead {
  const { id, signingKey } = partsOf(text)
  const signature = eventSignature(signingKey, { service, level, timestampMs })
  const query = new URLSearchParams({ level, a: 'b', service })
  const headers = { 'Tailrace-Key': id, 'Tailrace-Timestamp': String(timestampMs), 'Tailrace-Signature': signature }
  return head(headers, { method: 'POST', url: `/api/v1/ingest?${query.toString()}`, ...rest })
}

/** For how many seconds, by Retry-After. */
function askedToWait(work: () => unknown): number | undefined {
  try {
    work()
  } catch (error) {
    expect(error).toMatchObject({ code: 'SIGNATURE_REFUSED' })
    return (error as AppError).retryAfterSeconds
  }
  throw new Error('it was taken')
}

function withHeader(request: RequestHead, name: string, value: string | undefined): RequestHead {
  const pairs = Object.entries({ ...request.headers, [name]: value }).flatMap(([key, text]) =>
    text === undefined ? [] : [[key, String(text)] as const],
  )
  return head(pairs, { method: request.method, url: request.url })
}

test('a signed request: its key, its stamps, and what its body has to be', async () => {
  const { access, text, id } = await running()
  const { principal, bodySha256 } = access.identify(signed(text, NOW_MS, { body: 'abc' }))
  expect(principal).toMatchObject({ by: 'signature', keyId: id, role: 'write', stamps: new Map([['team', 'ops']]) })
  expect(bodySha256).toEqual(createHash('sha256').update('abc').digest())
  expect(access.keys.list()[0]?.lastUsed).toBe(new Date(NOW_MS).toISOString())
})

test.each<[string, number, string]>([
  ['now', 0, ''],
  ['a minute slow', -60_000, ''],
  ['a minute fast', 60_000, ''],
  ['as slow as allowed', -SKEW_MS, ''],
  ['as fast as allowed', SKEW_MS, ''],
  ['too slow', -SKEW_MS - 1, 'SIGNATURE_REFUSED'],
  ['too fast', SKEW_MS + 1, 'SIGNATURE_REFUSED'],
  ['in seconds', NOW_MS / 1000 - NOW_MS, 'SIGNATURE_REFUSED'],
  ['in nanoseconds', NOW_MS * 1000 - NOW_MS, 'SIGNATURE_REFUSED'],
])('a sender whose clock is %s', async (_what, skewMs, code) => {
  const { access, text, counters } = await running()
  for (const make of [signed, event]) {
    const identify = (shown: string) => access.identify(make(shown, NOW_MS + skewMs))
    if (code === '') {
      expect(identify(text).principal.by).toBe('signature')
      continue
    }
    const refused = refusal(() => identify(text))
    expect(refused).toMatchObject({ code, hint: expect.stringContaining(`${NOW_MS}`) })
    expect(askedToWait(() => identify(text))).toBeUndefined()
    // The time is wrong whoever it is.
    expect(refusal(() => identify(formatKey({ id: 'nobody000000', secret: Buffer.alloc(32) })))).toEqual(refused)
  }
  expect(counters.total('access_refused_total', { reason: 'signature_time' })).toBe(code === '' ? 0 : 6)
})

test('a slow clock after a start: refused, and told for how long', async () => {
  const { access, clock, text } = await running()
  const startMs = NOW_MS - 3_600_000
  clock.nowMs = startMs + 1000
  for (const [aheadMs, retryAfterSeconds] of [
    [-1, 2],
    [-90_000, 91],
  ] as const) {
    expect(askedToWait(() => access.identify(signed(text, startMs + aheadMs)))).toBe(retryAfterSeconds)
  }
  access.identify(signed(text, startMs))
  const other = signed(formatKey({ id: parseKey(text)?.id ?? '', secret: Buffer.alloc(32) }), startMs)
  expect(askedToWait(() => access.identify(other))).toBeUndefined()
})

test('a signature is taken once', async () => {
  const { access, clock, text, counters } = await running()
  for (const make of [signed, event]) {
    clock.nowMs = NOW_MS
    const request = make(text, NOW_MS + 1000)
    access.identify(request)
    for (const laterMs of [0, 1, 1000, SKEW_MS, SKEW_MS + 1000]) {
      clock.nowMs = NOW_MS + laterMs
      expect(refusal(() => access.identify(request))).toMatchObject({ code: 'SIGNATURE_REFUSED' })
    }
    access.identify(make(text, NOW_MS + SKEW_MS))
  }
  expect(counters.total('access_refused_total', { reason: 'signature_replayed' })).toBe(10)
})

test('when no more signatures can be remembered the sender is told when to come again', async () => {
  const { access, clock, text } = await running({ signaturesMax: 2 })
  access.identify(signed(text, NOW_MS))
  access.identify(signed(text, NOW_MS + 1))
  const full = (() => {
    try {
      return access.identify(signed(text, NOW_MS + 2))
    } catch (error) {
      return error
    }
  })()
  expect(full).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterSeconds: expect.any(Number) })
  expect(refusal(() => access.identify(signed(text, NOW_MS))).code).toBe('SIGNATURE_REFUSED')
  clock.nowMs += (full as { retryAfterSeconds: number }).retryAfterSeconds * 1000
  expect(access.identify(signed(text, clock.nowMs)).principal.by).toBe('signature')
})

test('nothing tells a key that exists from one that does not', async () => {
  const { access, clock, text, id, key, counters } = await running()
  const [reader, revoked, expired, elsewhere] = [
    await key({ role: 'read' }),
    await key({ role: 'write' }),
    await key({ role: 'write', expiresInMs: 1000 }),
    await key({ role: 'write', addresses: ['10.0.0.0/8'] }),
  ]
  await access.keys.revoke(partsOf(revoked).id)
  clock.nowMs += 1000
  const other = formatKey({ id, secret: Buffer.alloc(32) })
  const cases: [string, string][] = [
    ['unknown', formatKey({ id: 'nobody000000', secret: Buffer.alloc(32) })],
    ['signature_value', other],
    ['signature_value', reader],
    ['revoked', revoked],
    ['expired', expired],
    ['address', elsewhere],
  ]
  const first = refusal(() => access.identify(signed(other, clock.nowMs)))
  expect(first.code).toBe('SIGNATURE_REFUSED')
  for (const [reason, shown] of cases) {
    const before = counters.total('access_refused_total', { reason })
    expect(refusal(() => access.identify(signed(shown, clock.nowMs)))).toEqual(first)
    expect(refusal(() => access.identify(event(shown, clock.nowMs)))).toEqual(first)
    expect([reason, counters.total('access_refused_total', { reason })]).toEqual([reason, before + 2])
  }
  expect(access.identify(signed(text, clock.nowMs)).principal.by).toBe('signature')
})

test('a signature covers method, path, query, time and body', async () => {
  const { access, text } = await running()
  const good = signed(text, NOW_MS)
  const otherBody = createHash('sha256').update('another').digest('hex')
  const changed: RequestHead[] = [
    { ...good, method: 'PUT' },
    { ...good, url: `${good.url}&level=fatal` },
    { ...good, url: good.url.replace('%20', '+') },
    { ...good, url: good.url.replace('a', 'A') },
    withHeader(good, 'tailrace-timestamp', String(NOW_MS + 1)),
    withHeader(good, 'tailrace-content-sha256', otherBody),
  ]
  for (const request of changed) expect(refusal(() => access.identify(request)).code).toBe('SIGNATURE_REFUSED')
  expect(access.identify(good).principal.by).toBe('signature')
})

test('one algorithm each, and nothing in a request chooses another', async () => {
  const { access, dir, text, signingKey } = await running()
  const request = signed(text, NOW_MS)
  const asEvent = event(text, NOW_MS)
  const value = String(request.headers['tailrace-signature']).slice(3)
  const eventValue = String(asEvent.headers['tailrace-signature']).slice(3)
  const sha512 = createHmac('sha512', signingKey).update('x').digest('hex')
  const file = await readFile(join(dir, 'keys.json'), 'utf8')
  const { keys } = JSON.parse(file) as { keys: [{ secretSha256: string }] }
  const stored = signingKeyOf(Buffer.from(keys[0].secretSha256, 'base64url'))
  const contentSha256 = String(request.headers['tailrace-content-sha256'])
  const parts = { method: request.method, target: request.url, timestampMs: NOW_MS, contentSha256 }
  const wrong = [
    value,
    `v2=${value}`,
    `V1=${value}`,
    `v1=${value.toUpperCase()}`,
    `v1=${value.slice(0, 63)}`,
    `v1=${value}0`,
    'v1=',
    'v1=none',
    'none',
    `v1=${'0'.repeat(64)}`,
    `v1=${sha512}`,
    `v1=${sha512.slice(0, 64)}`,
    ` v1=${value}`,
    `v1=${value},v1=${value}`,
    `v1=${Buffer.from(value, 'hex').toString('base64url')}`,
    `v1=${eventValue}`,
    requestSignature(stored, parts),
    requestSignature(Buffer.alloc(0), parts),
  ]
  for (const signature of wrong) {
    const forged = withHeader(request, 'tailrace-signature', signature)
    expect([signature, refusal(() => access.identify(forged)).code]).toEqual([signature, 'SIGNATURE_REFUSED'])
  }
  for (const signature of [`e1=${value}`, `v2=${eventValue}`]) {
    const forged = withHeader(asEvent, 'tailrace-signature', signature)
    expect([signature, refusal(() => access.identify(forged)).code]).toEqual([signature, 'SIGNATURE_REFUSED'])
  }
  const withHash = withHeader(asEvent, 'tailrace-content-sha256', contentSha256)
  for (const signature of [`v1=${eventValue}`, `v1=${value}`]) {
    const forged = withHeader(withHash, 'tailrace-signature', signature)
    expect(refusal(() => access.identify(forged)).code).toBe('SIGNATURE_REFUSED')
  }
  expect(refusal(() => access.identify(bearer(value))).code).toBe('KEY_REFUSED')
  expect(access.identify(request).principal.by).toBe('signature')
  expect(access.identify(asEvent).principal.by).toBe('signature')
})

test.each<[string, string, string | undefined]>([
  ['no key', 'tailrace-key', undefined],
  ['an empty key', 'tailrace-key', ''],
  ['no time', 'tailrace-timestamp', undefined],
  ['a time that is no number', 'tailrace-timestamp', 'now'],
  ['a time with a fraction', 'tailrace-timestamp', '1800000000000.0'],
  ['a time with a sign', 'tailrace-timestamp', '+1800000000000'],
  ['a time with zeros before it', 'tailrace-timestamp', '01800000000000'],
  ['a time in hex', 'tailrace-timestamp', '0x1a3185c5000'],
  ['no hash of the body', 'tailrace-content-sha256', undefined],
  ['a hash in capitals', 'tailrace-content-sha256', 'A'.repeat(64)],
  ['a hash of another length', 'tailrace-content-sha256', 'a'.repeat(40)],
  ['no signature', 'tailrace-signature', undefined],
])('a signed request with %s is none', async (_what, name, value) => {
  const { access, text } = await running()
  const request = withHeader(signed(text, NOW_MS), name, value)
  expect(refusal(() => access.identify(request)).code).toBe('REQUEST_INVALID')
})

test('a signed event bears what was signed, unless its key says otherwise', async () => {
  const { access, text, key } = await running()
  const identity = access.identify(event(text, NOW_MS, { service: 'öfen & co/+ü', level: 'WARNING' }))
  const stamps = new Map([
    ['service', 'öfen & co/+ü'],
    ['level', 'WARNING'],
    ['team', 'ops'],
  ])
  expect(identity).toEqual({ principal: expect.objectContaining({ by: 'signature', stamps }) })
  const strict = await key({ role: 'write', stamps: { service: '/edge' } })
  expect(access.identify(event(strict, NOW_MS)).principal.stamps.get('service')).toBe('/edge')
  expect(access.identify(signed(text, NOW_MS)).principal.stamps).toEqual(new Map([['team', 'ops']]))
})

test('a signature of an event covers service, level and time', async () => {
  const { access, text } = await running()
  const good = event(text, NOW_MS)
  const forged = [
    { ...good, url: good.url.replace('warn', 'info') },
    { ...good, url: good.url.replace('ops', 'opt') },
    withHeader(good, 'tailrace-timestamp', String(NOW_MS + 1)),
  ]
  for (const request of forged) expect(refusal(() => access.identify(request)).code).toBe('SIGNATURE_REFUSED')
  const invalid = [
    { ...good, method: 'GET' },
    { ...good, url: '/api/v1/ingest' },
    { ...good, url: `${good.url}&service=b` },
    { ...good, url: good.url.replace('level=warn', 'level=') },
    event(text, NOW_MS, { level: 'loud' }),
    event(text, NOW_MS, { service: 'x'.repeat(1025) }),
    withHeader(good, 'tailrace-content-sha256', 'a'.repeat(64)),
  ]
  for (const request of invalid) expect(refusal(() => access.identify(request)).code).toBe('REQUEST_INVALID')
  expect(access.identify(good).principal.by).toBe('signature')
})

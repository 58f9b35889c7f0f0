import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SILENT_LOGGER } from '../core/logger.ts'
import { KeyStore } from './key-store.ts'
import { Keyring } from './keyring.ts'
import { createKeyTable } from './keys.ts'
import { createSessions } from './sessions.ts'
import { bearer, cookie, head, refusal, temporaryFolder, testAccess } from './testing/temporary-access.ts'

test('a session has the rights of its key, until its time or that of the key is over', async () => {
  let nowMs = Date.UTC(2026, 0, 1)
  const { access, key } = await testAccess({ clock: () => nowMs, limits: { sessionMs: 10_000 } })
  const text = await key({ role: 'read', name: 'ann', filter: 'service:a' })
  const session = access.openSession(text, '127.0.0.1')
  expect(session.cookie).toMatch(/^trs_[\w-]+\.[\w-]{43}$/)
  expect(session.expires).toBe('2026-01-01T00:00:10.000Z')
  expect(session.principal).toMatchObject({ by: 'session', role: 'read', name: 'ann', filter: 'service:a' })
  nowMs += 9999
  expect(access.identify(cookie(session.cookie)).principal).toBe(session.principal)
  nowMs += 1
  expect(refusal(() => access.identify(cookie(session.cookie))).code).toBe('KEY_REFUSED')
  const short = access.openSession(await key({ role: 'admin', expiresInMs: 5000 }), '127.0.0.1')
  expect(short.expires).toBe('2026-01-01T00:00:15.000Z')
})

test('a session opens with a key only, from where the key allows', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'admin', addresses: ['10.0.0.0/8'] })
  const session = access.openSession(text, '10.0.0.1')
  const { token } = access.createToken(session.principal, { expiresInMs: 1000 })
  for (const [shown, address] of [
    [text, '127.0.0.1'],
    [token, '10.0.0.1'],
    [session.cookie, '10.0.0.1'],
    [`Bearer ${text}`, '10.0.0.1'],
    ['', '10.0.0.1'],
  ] as const) {
    expect(refusal(() => access.openSession(shown, address)).code).toBe('KEY_REFUSED')
  }
  const from = (address: string) => () => access.identify(cookie(session.cookie, {}, { address })).principal.by
  expect(from('10.0.0.2')()).toBe('session')
  expect(refusal(from('127.0.0.1')).code).toBe('KEY_REFUSED')
})

test('closing ends one session for good, and none beside it', async () => {
  const first = await testAccess()
  const text = await first.key({ role: 'read' })
  const [one, other] = [first.access.openSession(text, ''), first.access.openSession(text, '')]
  await first.access.closeSession(one.principal)
  await first.access.closeSession(one.principal)
  await first.access.closeSession(first.access.identify(bearer(text)).principal)
  await expect(first.access.closeSession({ ...other.principal })).rejects.toThrow(/copied/)
  expect(refusal(() => first.access.identify(cookie(one.cookie))).code).toBe('KEY_REFUSED')
  await first.access.close()
  const { access } = await testAccess({ dir: first.dir })
  expect(refusal(() => access.identify(cookie(one.cookie))).code).toBe('KEY_REFUSED')
  expect(access.identify(cookie(other.cookie)).principal.by).toBe('session')
})

test('a session that was known only from its cookie can be closed', async () => {
  const first = await testAccess()
  const { cookie: value } = first.access.openSession(await first.key({ role: 'read' }), '')
  await first.access.close()
  const { access } = await testAccess({ dir: first.dir })
  await access.closeSession(access.identify(cookie(value)).principal)
  expect(refusal(() => access.identify(cookie(value))).code).toBe('KEY_REFUSED')
})

test('what was remembered of closed sessions is forgotten when they would have ended anyway', async () => {
  let nowMs = Date.UTC(2026, 0, 1)
  const { access, dir, key } = await testAccess({ clock: () => nowMs, limits: { sessionMs: 1000 } })
  const text = await key({ role: 'read' })
  const ended = async (): Promise<unknown[]> =>
    (JSON.parse(await readFile(join(dir, 'keys.json'), 'utf8')) as { endedSessions: unknown[] }).endedSessions
  await access.closeSession(access.openSession(text, '').principal)
  expect(await ended()).toHaveLength(1)
  nowMs += 1000
  await access.closeSession(access.openSession(text, '').principal)
  expect(await ended()).toHaveLength(1)
  await access.keys.revoke(text.split('_')[1] ?? '')
  expect(await ended()).toHaveLength(0)
})

test('when no more closed sessions can be remembered, all older ones of the key end; none ever comes back', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 1) }
  const nowMs = (): number => clock.nowMs
  const keyring = new Keyring()
  const dir = await temporaryFolder()
  const onChange = keyring.adopt.bind(keyring)
  const store = await KeyStore.open({ dir, clock: nowMs, logger: SILENT_LOGGER, onChange })
  const table = createKeyTable({
    store,
    clock: nowMs,
    checkFilter: () => undefined,
    keysMax: 9,
    lastUsedMs: () => undefined,
    isForeign: false,
  })
  const sessions = createSessions({ store, keyring, sessionMs: 1e6, endedMax: 2 })
  const open = (id: string) => {
    const entry = keyring.entry(id)
    if (!entry) throw new Error('no such key')
    return sessions.open(entry, clock.nowMs).session
  }
  const [ann, bob] = [await table.create({ role: 'read' }, ''), await table.create({ role: 'read' }, '')]
  const ofAnn = Array.from({ length: 4 }, () => open(ann.info.id))
  const ofBob = open(bob.info.id)
  const over = () => [...ofAnn, ofBob].map((session) => keyring.isSessionOver(session, clock.nowMs))
  for (const session of ofAnn.slice(0, 2)) await sessions.close(session)
  expect(over()).toEqual([true, true, false, false, false])
  const entry = keyring.entry(ann.info.id)
  if (ofAnn[2]) await sessions.close(ofAnn[2])
  expect(over()).toEqual([true, true, true, true, false])
  expect(store.file?.endedSessions).toEqual([])
  // The key itself goes on, and so do sessions that are opened from now on, even if the clock is set back.
  expect(keyring.entry(ann.info.id)).toBe(entry)
  clock.nowMs -= 60_000
  const later = open(ann.info.id)
  expect(keyring.isSessionOver(later, clock.nowMs)).toBe(false)
  expect(over()).toEqual([true, true, true, true, false])
})

const OWN = { host: 'logs.example', origin: 'https://logs.example' }

test.each<[string, string, Record<string, string>, boolean]>([
  ['reading', 'GET', {}, true],
  ['reading, by an address typed in', 'GET', { 'sec-fetch-site': 'none' }, true],
  ['reading, from our page', 'GET', { 'sec-fetch-site': 'same-origin' }, true],
  ['reading, from another site', 'GET', { 'sec-fetch-site': 'cross-site' }, false],
  ['reading, from a neighbour', 'HEAD', { 'sec-fetch-site': 'same-site' }, false],
  ['reading, with a foreign origin', 'GET', { origin: 'https://evil.example' }, false],
  ['changing, by nobody knows', 'POST', {}, false],
  ['changing, by an address typed in', 'POST', { 'sec-fetch-site': 'none' }, false],
  ['changing, from our page', 'POST', { 'sec-fetch-site': 'same-origin' }, true],
  ['changing, with our origin', 'POST', OWN, true],
  ['deleting, with our origin', 'DELETE', OWN, true],
  ['asking first', 'OPTIONS', {}, false],
  ['an unknown method', 'PATCH', { 'sec-fetch-site': 'cross-site' }, false],
  ['our origin, default port spelled out', 'POST', { ...OWN, host: 'logs.example:443' }, true],
  ['our origin in capitals', 'POST', { ...OWN, host: 'LOGS.example' }, true],
  ['another port', 'POST', { ...OWN, origin: 'https://logs.example:8443' }, false],
  ['the default port of another scheme', 'POST', { ...OWN, host: 'logs.example:80' }, false],
  ['a name that begins like ours', 'POST', { ...OWN, origin: 'https://logs.example.evil.example' }, false],
  ['no origin to speak of', 'POST', { ...OWN, origin: 'null' }, false],
  ['an origin that is no URL', 'POST', { ...OWN, origin: 'logs.example' }, false],
  ['an origin of another kind', 'POST', { ...OWN, origin: 'file://logs.example' }, false],
  ['two origins joined', 'POST', { ...OWN, origin: 'https://logs.example, https://evil.example' }, false],
  ['our origin, but another site says the browser', 'POST', { ...OWN, 'sec-fetch-site': 'cross-site' }, false],
  [
    'a foreign origin, but our site says the browser',
    'POST',
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    false,
  ],
  ['IPv6', 'POST', { host: '[::1]:7575', origin: 'http://[::1]:7575' }, true],
])('a cookie and its page: %s', async (_what, method, headers, isAllowed) => {
  const { access, key, counters } = await testAccess()
  const text = await key({ role: 'admin' })
  const session = access.openSession(text, '127.0.0.1')
  const identify = () => access.identify(cookie(session.cookie, headers, { method })).principal.by
  if (isAllowed) expect(identify()).toBe('session')
  else expect(refusal(identify).code).toBe('ORIGIN_REFUSED')
  expect(counters.total('access_refused_total', { reason: 'origin' })).toBe(isAllowed ? 0 : 1)
  // Keys are sent on purpose.
  expect(access.identify(head({ ...headers, authorization: `Bearer ${text}` }, { method })).principal.by).toBe('key')
})

const shown = (value: string) => head({ host: 'x', cookie: value })

test('of two cookies the one that only this host can set counts; of two values none', async () => {
  const { access, key } = await testAccess()
  const [ann, bob] = [await key({ role: 'read' }), await key({ role: 'admin' })].map((text) =>
    access.openSession(text, ''),
  )
  const both = `tailrace_session=${bob?.cookie}; __Host-tailrace_session=${ann?.cookie}`
  expect(access.identify(shown(both)).principal).toBe(ann?.principal)
  const same = `tailrace_session=${bob?.cookie};tailrace_session=${bob?.cookie}`
  expect(access.identify(shown(same)).principal).toBe(bob?.principal)
  const twice = `tailrace_session=${bob?.cookie}; tailrace_session=${ann?.cookie}`
  expect(refusal(() => access.identify(shown(twice))).code).toBe('REQUEST_INVALID')
  for (const other of ['', 'a=b', 'tailrace_session', 'tailrace_session=', `xtailrace_session=${bob?.cookie}`]) {
    expect(refusal(() => access.identify(shown(other))).code).toBe('KEY_REQUIRED')
  }
})

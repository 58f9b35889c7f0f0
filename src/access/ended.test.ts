import { expect, test, vi } from 'vitest'
import { SILENT_LOGGER, type Logger } from '../core/logger.ts'
import { Lives } from './lives.ts'
import { bearer, cookie, signed, testAccess } from './testing/temporary-access.ts'

const SOON = { timeout: 5000, interval: 5 }
const listener = () => vi.fn<() => void>()

test('when a key is revoked everything that goes back to it ends, once, and nothing else', async () => {
  const { access, key } = await testAccess()
  const [text, other] = [await key({ role: 'write' }), await key({ role: 'write' })]
  const { principal } = access.identify(bearer(text))
  const session = access.openSession(text, '')
  const all = [
    principal,
    session.principal,
    access.identify(cookie(session.cookie)).principal,
    access.identify(bearer(access.createToken(principal, { expiresInMs: 1e6 }).token)).principal,
    access.identify(signed(text, Date.now())).principal,
    { ...principal },
  ]
  const ended = all.map((one) => {
    const call = listener()
    one.onEnded(call)
    return call
  })
  const [away, others] = [listener(), listener()]
  principal.onEnded(away)()
  access.identify(bearer(other)).principal.onEnded(others)
  await access.keys.revoke(principal.keyId)
  await access.keys.revoke(principal.keyId)
  await key({ role: 'read' })
  for (const call of ended) expect(call).toHaveBeenCalledOnce()
  expect(away).not.toHaveBeenCalled()
  expect(others).not.toHaveBeenCalled()
})

test('who listens too late is told at once', async () => {
  const { access, key } = await testAccess()
  const { principal } = access.identify(bearer(await key({ role: 'read' })))
  await access.keys.revoke(principal.keyId)
  const call = listener()
  const away = principal.onEnded(call)
  expect(call).toHaveBeenCalledOnce()
  away()
})

test('logging out ends the session, and neither the key nor another session', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read' })
  const [one, two] = [access.openSession(text, ''), access.openSession(text, '')]
  const calls = [one.principal, two.principal, access.identify(bearer(text)).principal].map((principal) => {
    const call = listener()
    principal.onEnded(call)
    return call
  })
  await access.closeSession(one.principal)
  expect(calls.map((call) => call.mock.calls.length)).toEqual([1, 0, 0])
})

/** Long enough to be shown on a machine that is busy. */
const LIFE_MS = 700

test('time ends keys, tokens and sessions without anybody asking', async () => {
  const { access, key } = await testAccess({ limits: { sessionMs: LIFE_MS } })
  const long = await key({ role: 'read' })
  const short = await key({ role: 'read', expiresInMs: LIFE_MS })
  const principal = access.identify(bearer(long)).principal
  const { token } = access.createToken(principal, { expiresInMs: LIFE_MS })
  const calls = [
    access.identify(bearer(short)).principal,
    access.identify(bearer(token)).principal,
    access.openSession(long, '').principal,
    principal,
  ].map((one) => {
    const call = listener()
    one.onEnded(call)
    return call
  })
  await vi.waitFor(() => expect(calls.map((call) => call.mock.calls.length)).toEqual([1, 1, 1, 0]), SOON)
})

test('the first key ends what was begun while there was none', async () => {
  const { access, key } = await testAccess()
  const call = listener()
  access.identify(bearer('')).principal.onEnded(call)
  await key({ role: 'admin' })
  expect(call).toHaveBeenCalledOnce()
})

const NEVER = { expiresMs: Infinity, isOver: () => false }

test('who goes away leaves nothing behind', () => {
  const lives = new Lives(() => 0, SILENT_LOGGER)
  for (let index = 0; index < 1000; index++) lives.onEnded(NEVER, listener())()
  expect(lives.size).toBe(0)
  const over = { expiresMs: 10, isOver: (nowMs: number) => nowMs >= 0 }
  lives.onEnded(over, listener())
  expect(lives.size).toBe(0)
  lives.close()
})

test('one that fails does not keep the others from being told; one may take away the next', () => {
  let isOver = false
  const errors = vi.fn<Logger['error']>()
  const lives = new Lives(() => 0, { ...SILENT_LOGGER, error: errors })
  const life = { expiresMs: Infinity, isOver: () => isOver }
  const [taken, last] = [listener(), listener()]
  lives.onEnded(life, () => {
    throw new Error('broken')
  })
  lives.onEnded(life, () => takeAway())
  const takeAway = lives.onEnded(life, taken)
  lives.onEnded(life, last)
  isOver = true
  lives.sweep()
  expect(errors).toHaveBeenCalledOnce()
  expect(taken).not.toHaveBeenCalled()
  expect(last).toHaveBeenCalledOnce()
  expect(lives.size).toBe(0)
})

const until = (expiresMs: number) => ({ expiresMs, isOver: (nowMs: number) => nowMs >= expiresMs })

test('a life of many years does not make the timer overflow, and an earlier end is not missed', async () => {
  const clock = vi.fn<() => number>(Date.now)
  const lives = new Lives(clock, SILENT_LOGGER)
  const [late, soon] = [listener(), listener()]
  lives.onEnded(until(Date.now() + 100 * 365 * 86_400_000), late)
  lives.onEnded(until(Date.now() + 50), soon)
  await vi.waitFor(() => expect(soon).toHaveBeenCalledOnce(), SOON)
  expect(late).not.toHaveBeenCalled()
  // A timer that overflows fires every millisecond.
  expect(clock.mock.calls.length).toBeLessThan(10)
  lives.close()
})

test('the timer keeps no process alive', () => {
  const lives = new Lives(Date.now, SILENT_LOGGER)
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  lives.onEnded(NEVER, listener())
  expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before)
  lives.close()
})

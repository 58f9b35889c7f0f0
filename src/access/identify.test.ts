import { expect, test } from 'vitest'
import { bearer, cookie, head, refusal, signed, testAccess } from './testing/temporary-access.ts'

test('without keys everybody may do everything, whatever they show', async () => {
  const { access } = await testAccess()
  expect(access.isOpen).toBe(true)
  for (const request of [head(), bearer('trk_x_y'), cookie('trs_x.y'), head({ 'tailrace-key': 'x' })]) {
    expect(access.identify(request).principal).toMatchObject({ by: 'open', role: 'admin' })
  }
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
})

import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import type { Logger } from '../core/logger.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import type { NewKey } from './access.ts'
import { openKeys } from './keys.ts'
import { bearer, refusal, temporaryFolder, testAccess } from './testing/temporary-access.ts'

const DAY_MS = 24 * 3_600_000
const KEY_TEXT = /^trk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/

test('a key is told once, and only its hash is kept', async () => {
  const { access, dir } = await testAccess({ clock: () => Date.UTC(2026, 0, 2) })
  const wanted: NewKey = {
    role: 'write',
    name: 'edge 7',
    expiresInMs: DAY_MS,
    stamps: { service: '/edge', rack: '7' },
    addresses: ['10.0.0.0/8'],
  }
  const { key, info } = await access.keys.create(wanted, 'ann')
  expect(key).toMatch(KEY_TEXT)
  expect(info).toEqual({
    id: key.split('_')[1],
    name: 'edge 7',
    role: 'write',
    filter: '',
    stamps: { service: '/edge', rack: '7' },
    addresses: ['10.0.0.0/8'],
    created: '2026-01-02T00:00:00.000Z',
    createdBy: 'ann',
    expires: '2026-01-03T00:00:00.000Z',
    revoked: null,
    lastUsed: null,
  })
  expect(access.keys.list()).toEqual([info])
  const file = await readFile(join(dir, 'keys.json'), 'utf8')
  const secret = key.slice(-43)
  expect(file).not.toContain(secret)
  expect(file).not.toContain(Buffer.from(secret, 'base64url').toString('hex'))
  expect((await stat(join(dir, 'keys.json'))).mode & 0o777).toBe(0o600)
})

test('only write keys leave something to check signatures with, and only until they are revoked', async () => {
  const { access, dir } = await testAccess()
  const { info } = await access.keys.create({ role: 'write' }, '')
  await access.keys.create({ role: 'read' }, '')
  await access.keys.create({ role: 'admin' }, '')
  const signingKeys = async (): Promise<unknown[]> => {
    const file = JSON.parse(await readFile(join(dir, 'keys.json'), 'utf8')) as { keys: { signingKey: unknown }[] }
    return file.keys.map(({ signingKey }) => signingKey)
  }
  expect(await signingKeys()).toEqual([expect.stringMatching(/^[\w-]{43}$/), null, null])
  await access.keys.revoke(info.id)
  expect(await signingKeys()).toEqual([null, null, null])
})

test('keys survive a restart, and the command line shares them', async () => {
  const first = await testAccess()
  const key = await first.key({ role: 'admin', name: 'ann' })
  await first.access.close()
  const offline = await openKeys({ dir: first.dir, clock: Date.now, checkFilter: () => undefined })
  expect(offline.list()).toMatchObject([{ name: 'ann', role: 'admin' }])
  await offline.close()
  const second = await testAccess({ dir: first.dir })
  expect(second.access.isOpen).toBe(false)
  expect(second.access.identify(bearer(key)).principal.name).toBe('ann')
})

test('the command line makes the data folder', async () => {
  const dir = join(await temporaryFolder(), 'data')
  const offline = await openKeys({ dir, clock: Date.now, checkFilter: () => undefined })
  expect(offline.list()).toEqual([])
  await offline.create({ role: 'admin' }, 'command line')
  expect((await stat(dir)).mode & 0o777).toBe(0o700)
  await offline.close()
})

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, 'x']))

test.each<[string, unknown, string]>([
  ['no role', {}, 'role'],
  ['an unknown role', { role: 'root' }, 'role'],
  ['a role of every object', { role: 'constructor' }, 'role'],
  ['a long name', { role: 'read', name: 'x'.repeat(101) }, 'name'],
  ['a name with a line break', { role: 'read', name: 'a\nb' }, 'name'],
  ['a name with an escape', { role: 'read', name: 'a\u001b[2Jb' }, 'name'],
  ['a name with a C1 control', { role: 'read', name: 'a\u009bb' }, 'name'],
  ['a name that is a number', { role: 'read', name: 7 }, 'name'],
  ['no time to live', { role: 'read', expiresInMs: 0 }, 'expires'],
  ['a life in the past', { role: 'read', expiresInMs: -1 }, 'expires'],
  ['a life of NaN', { role: 'read', expiresInMs: Number.NaN }, 'expires'],
  ['a life without end', { role: 'read', expiresInMs: Infinity }, 'expires'],
  ['more than a hundred years', { role: 'read', expiresInMs: 101 * 366 * DAY_MS }, 'expires'],
  ['a life that is a text', { role: 'read', expiresInMs: '90d' }, 'expires'],
  ['a filter of a write key', { role: 'write', filter: 'service:a' }, 'filter'],
  ['a filter of an admin', { role: 'admin', filter: 'service:a' }, 'filter'],
  ['a filter that the language refuses', { role: 'read', filter: 'a | limit 1' }, 'filter'],
  ['a blank filter', { role: 'read', filter: ' \n' }, 'filter'],
  ['a long filter', { role: 'read', filter: 'x'.repeat(4097) }, 'filter'],
  ['stamps of a read key', { role: 'read', stamps: { service: 'a' } }, 'stamps'],
  ['33 stamps', { role: 'write', stamps: many(33) }, 'stamps'],
  ['a stamp without name', { role: 'write', stamps: { '': 'a' } }, 'stamps'],
  ['a stamp with a long name', { role: 'write', stamps: { ['ä'.repeat(129)]: 'a' } }, 'stamps'],
  ['a stamp with a long value', { role: 'write', stamps: { a: 'ä'.repeat(513) } }, 'stamps'],
  ['a stamp with a NUL in its name', { role: 'write', stamps: { 'a\0': 'a' } }, 'stamps'],
  ['a stamp that is a number', { role: 'write', stamps: { a: 1 } }, 'stamps'],
  ['an unknown level', { role: 'write', stamps: { level: 'loud' } }, 'stamps'],
  ['a stamped message', { role: 'write', stamps: { message: 'x' } }, 'stamps'],
  ['a host name as address', { role: 'read', addresses: ['localhost'] }, 'addresses'],
  ['an address with a port', { role: 'read', addresses: ['10.0.0.1:80'] }, 'addresses'],
  ['a range of 33 bits', { role: 'read', addresses: ['10.0.0.0/33'] }, 'addresses'],
  ['a range of 129 bits', { role: 'read', addresses: ['::/129'] }, 'addresses'],
  ['octal digits', { role: 'read', addresses: ['010.0.0.1'] }, 'addresses'],
  ['an empty address', { role: 'read', addresses: [''] }, 'addresses'],
  ['an address that is a number', { role: 'read', addresses: [10] }, 'addresses'],
  [
    '65 addresses',
    { role: 'read', addresses: Array.from({ length: 65 }, (_, index) => `10.0.0.${index}`) },
    'addresses',
  ],
])('%s is refused by name', async (_what, wanted, field) => {
  const { access } = await testAccess()
  await expect(access.keys.create(wanted as NewKey, '')).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
    detail: expect.stringMatching(new RegExp(`^${field}: `)),
  })
  expect(access.isOpen).toBe(true)
  expect(access.keys.list()).toEqual([])
})

test('what is at the bounds is taken', async () => {
  const { access } = await testAccess()
  const stamps = { ...many(29), level: 'WARN', ['ä'.repeat(128)]: 'ä'.repeat(512), __proto__x: '' }
  await access.keys.create({ role: 'write', name: 'x'.repeat(100), expiresInMs: 1, stamps }, '')
  const addresses = ['0.0.0.0/0', '::/0', '::1', '::ffff:10.0.0.1', '10.1.2.3/32']
  await access.keys.create({ role: 'read', filter: 'x'.repeat(4096), addresses, expiresInMs: 100 * 365 * DAY_MS }, '')
  expect(access.keys.list()).toMatchObject([{ stamps }, { addresses }])
})

test('an attribute may be called like something every object has', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'write', stamps: JSON.parse('{"__proto__":"a","constructor":"b"}') })
  const stamps = new Map([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ])
  expect(access.identify(bearer(text)).principal.stamps).toEqual(stamps)
  const { token } = access.createToken(access.identify(bearer(text)).principal, { expiresInMs: 1000 })
  expect(access.identify(bearer(token)).principal.stamps).toEqual(stamps)
})

test('revoking ends a key at once; twice is no error; unknown ids are', async () => {
  const { access, key } = await testAccess()
  const text = await key({ role: 'read' })
  const id = text.split('_')[1] ?? ''
  access.identify(bearer(text))
  const revoked = await access.keys.revoke(id)
  expect(revoked.revoked).not.toBeNull()
  expect(refusal(() => access.identify(bearer(text))).code).toBe('KEY_REFUSED')
  expect((await access.keys.revoke(id)).revoked).toBe(revoked.revoked)
  await expect(access.keys.revoke('nobody000000')).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' })
  expect(access.isOpen).toBe(false)
})

test('the table has a limit; keys that ended long ago make room, and the server stays closed', async () => {
  let nowMs = Date.UTC(2026, 0, 1)
  const { access, dir } = await testAccess({ clock: () => nowMs, limits: { keysMax: 2 } })
  const { info } = await access.keys.create({ role: 'admin' }, '')
  await access.keys.create({ role: 'admin', expiresInMs: DAY_MS }, '')
  await access.keys.revoke(info.id)
  await expect(access.keys.create({ role: 'read' }, '')).rejects.toMatchObject({ code: 'KEYS_FULL' })
  nowMs += 90 * DAY_MS
  const third = await access.keys.create({ role: 'read', expiresInMs: DAY_MS }, '')
  expect(access.keys.list()).toHaveLength(2)
  nowMs += 200 * DAY_MS
  await expect(access.keys.revoke(third.info.id)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' })
  await access.keys.revoke((await access.keys.create({ role: 'read' }, '')).info.id)
  nowMs += 91 * DAY_MS
  await access.keys.create({ role: 'read', expiresInMs: 1 }, '')
  expect(access.keys.list()).toHaveLength(1)
  expect(access.status()).toEqual({ open: false, keys: { read: 1, write: 0, admin: 0 } })
  nowMs += 1
  expect(access.status()).toEqual({ open: false, keys: { read: 0, write: 0, admin: 0 } })
  await access.close()
  expect((await testAccess({ dir, clock: () => nowMs })).access.isOpen).toBe(false)
})

test('a key says when it was used last', async () => {
  let nowMs = Date.UTC(2026, 0, 1)
  const { access, key } = await testAccess({ clock: () => nowMs })
  const text = await key({ role: 'read' })
  access.identify(bearer(text))
  nowMs += 5000
  access.identify(bearer(text))
  await key({ role: 'read' })
  expect(access.keys.list().map(({ lastUsed }) => lastUsed)).toEqual(['2026-01-01T00:00:05.000Z', null])
})

test('that somebody names a key is no use of it', async () => {
  const { access, key } = await testAccess({ clock: () => Date.UTC(2026, 0, 1) })
  await key({ role: 'write' })
  const id = access.keys.list()[0]?.id ?? expect.unreachable()
  const named = access.packetKey(id)
  expect(access.keys.list()[0]?.lastUsed).toBeNull()
  named?.noteUse()
  expect(access.keys.list()[0]?.lastUsed).toBe('2026-01-01T00:00:00.000Z')
})

const SECRET = 'sEcReT0123456789'.repeat(3).slice(0, 43)
const deed = { action: 'revoked', id: 'x', name: 'gone', role: 'read', atMs: 5 }
const sound = { format: 1, secret: SECRET, keys: [], endedSessions: [] }

test.each<[string, string]>([
  ['empty', ''],
  ['cut off', JSON.stringify(sound).slice(0, -5)],
  ['cut off within a secret', `{"secret":"${SECRET.slice(0, 20)}`],
  ['a secret alone', SECRET],
  ['a list', '[]'],
  ['of another format', JSON.stringify({ ...sound, format: 2 })],
  ['without a secret', JSON.stringify({ ...sound, secret: '' })],
  ['without keys', JSON.stringify({ ...sound, keys: undefined })],
  ['with half a key', JSON.stringify({ ...sound, keys: [{ id: 'x' }] })],
  ['with half a deed', JSON.stringify({ ...sound, untold: [{ action: 'created', id: 'x' }] })],
  ['with an unknown deed', JSON.stringify({ ...sound, untold: [{ ...deed, action: 'lost' }] })],
])('a file of keys that is %s stops the start, and tells none of it', async (_what, text) => {
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'keys.json'), text, { mode: 0o600 })
  const error: unknown = await testAccess({ dir }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining('copy') })
  expect(inspect(error)).not.toContain(SECRET.slice(0, 8))
})

test('what was done to a key that is gone meanwhile is still to be told, and files without deeds are files', async () => {
  const dir = await temporaryFolder()
  const write = (file: object) => writeFile(join(dir, 'keys.json'), JSON.stringify(file), { mode: 0o600 })
  await write(sound)
  expect((await testAccess({ dir })).access.untold()).toEqual([])
  await write({ ...sound, untold: [deed] })
  expect((await testAccess({ dir })).access.untold()).toEqual([deed])
})

test('a file of keys that cannot be opened stops the start', async () => {
  const dir = await temporaryFolder()
  await mkdir(join(dir, 'keys.json'))
  await expect(testAccess({ dir })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('a file that others can read is made private, with a warning', async () => {
  const { access, dir, key } = await testAccess()
  await key({ role: 'read' })
  await access.close()
  const path = join(dir, 'keys.json')
  await chmod(path, 0o644)
  const warnings: object[] = []
  const logger: Logger = { ...SILENT_LOGGER, warn: (fields) => void warnings.push(fields) }
  await testAccess({ dir, logger })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(warnings).toEqual([{ path, mode: '644' }])
})

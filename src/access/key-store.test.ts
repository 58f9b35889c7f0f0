import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { chown, mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { SILENT_LOGGER, type Logger } from '../core/logger.ts'
import { lockFile } from './file-lock.ts'
import { KeyStore } from './key-store.ts'
import { openKeys } from './keys.ts'
import { bearer, refusal, temporaryFolder, testAccess } from './testing/temporary-access.ts'

const SEEN = { timeout: 5000, interval: 10 }

/** Changes the table in a process of its own; resolves with the texts of the keys it made. */
async function changeElsewhere(dir: string, count: number, ...revoked: string[]): Promise<string[]> {
  const program = join(import.meta.dirname, 'testing/key-changer.ts')
  const args = ['--import', 'tsx', program, dir, String(count), ...revoked]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return stdout.split('\n').flatMap((line) => line.split(' ')[1] ?? [])
}

/** Leaves a lock as a process does that was killed while it held it. */
async function abandonLock(path: string): Promise<void> {
  const held = await lockFile({ path, waitMsMax: 0 })
  const content = await readFile(path, 'utf8')
  await held.release()
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  await writeFile(path, content.replace(/^\d+/, String(child.pid)))
}

test('what another process makes and revokes is seen soon', async () => {
  const { access, dir, key } = await testAccess()
  const ended = vi.fn<() => void>()
  access.identify(bearer('x')).principal.onEnded(ended)
  const [text = ''] = await changeElsewhere(dir, 1)
  await vi.waitFor(() => expect(access.isOpen).toBe(false), SEEN)
  expect(ended).toHaveBeenCalledOnce()
  const { principal } = access.identify(bearer(text))
  principal.onEnded(ended)
  await key({ role: 'admin' })
  expect(ended).toHaveBeenCalledOnce()
  await changeElsewhere(dir, 0, principal.keyId)
  await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(2), SEEN)
  expect(refusal(() => access.identify(bearer(text))).code).toBe('KEY_REFUSED')
})

test('without the help of the system changes are seen, too', async () => {
  const dir = join(await temporaryFolder(), 'later')
  const { access } = await testAccess({ dir })
  await changeElsewhere(dir, 1)
  await vi.waitFor(() => expect(access.isOpen).toBe(false), SEEN)
})

test('processes that change the table at once lose nothing of each other', async () => {
  const { access, dir, key } = await testAccess()
  await abandonLock(join(dir, 'keys.lock'))
  const others = Promise.all([changeElsewhere(dir, 20), changeElsewhere(dir, 20), changeElsewhere(dir, 20)])
  const own: string[] = []
  for (let index = 0; index < 20; index++) own.push(await key({ role: 'read' }))
  const made = [...own, ...(await others).flat()]
  expect(made).toHaveLength(80)
  await vi.waitFor(() => expect(access.keys.list()).toHaveLength(80), SEEN)
  for (const text of made) expect(access.identify(bearer(text)).principal.by).toBe('key')
  expect((await readdir(dir)).filter((name) => name !== 'keys.json')).toEqual([])
})

test('many changes of one process at once are made one after the other', async () => {
  const { access, key } = await testAccess()
  const texts = await Promise.all(Array.from({ length: 50 }, () => key({ role: 'read' })))
  await Promise.all(texts.slice(0, 25).map((text) => access.keys.revoke(text.split('_')[1] ?? '')))
  expect(access.status().keys.read).toBe(25)
})

test('more changes than may wait are refused', async () => {
  const { access, key } = await testAccess()
  const results = await Promise.allSettled(Array.from({ length: 300 }, () => key({ role: 'read' })))
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
  expect(refused).toHaveLength(44)
  expect(refused[0]).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterSeconds: 1 })
  expect(access.keys.list()).toHaveLength(256)
})

test('a file that is damaged or gone while we run leaves in force what was known, and refuses changes', async () => {
  const errors = vi.fn<Logger['error']>()
  const { access, dir, key } = await testAccess({ logger: { ...SILENT_LOGGER, error: errors } })
  const path = join(dir, 'keys.json')
  const text = await key({ role: 'read' })
  const good = await readFile(path)
  await writeFile(path, '{')
  await vi.waitFor(() => expect(errors).toHaveBeenCalled(), SEEN)
  await expect(key({ role: 'read' })).rejects.toMatchObject({ code: 'KEYS_WRITE_FAILED' })
  expect(await readFile(path, 'utf8')).toBe('{')
  await rm(path)
  const gone = expect.objectContaining({ message: expect.stringMatching(/is gone$/) })
  await vi.waitFor(() => expect(errors).toHaveBeenCalledWith({ err: gone }, expect.anything()), SEEN)
  await expect(key({ role: 'read' })).rejects.toMatchObject({ code: 'KEYS_WRITE_FAILED' })
  expect(access.isOpen).toBe(false)
  expect(access.identify(bearer(text)).principal.by).toBe('key')
  await writeFile(path, good)
  await vi.waitFor(async () => expect((await access.keys.create({ role: 'read' }, '')).key).toMatch(/^trk_/), SEEN)
  expect(access.keys.list()).toHaveLength(2)
})

test('another table put in place of ours counts', async () => {
  const first = await testAccess()
  const text = await first.key({ role: 'read' })
  const { principal, cookie } = first.access.openSession(text, '')
  const { token } = first.access.createToken(principal, { expiresInMs: 1e6 })
  const ended = vi.fn<() => void>()
  principal.onEnded(ended)
  const second = await testAccess()
  await second.key({ role: 'read' })
  await rename(join(second.dir, 'keys.json'), join(first.dir, 'keys.json'))
  await vi.waitFor(() => expect(ended).toHaveBeenCalledOnce(), SEEN)
  for (const shown of [text, token, cookie]) {
    expect(refusal(() => first.access.identify(bearer(shown))).code).toBe('KEY_REFUSED')
  }
})

test('a file that cannot be written is said, and nothing changes', async () => {
  const { access, dir, key } = await testAccess()
  const text = await key({ role: 'read' })
  await mkdir(join(dir, 'keys.json.new'))
  const failure = { code: 'KEYS_WRITE_FAILED', detail: expect.stringContaining('EISDIR') }
  await expect(key({ role: 'read' })).rejects.toMatchObject(failure)
  await expect(access.keys.revoke(text.split('_')[1] ?? '')).rejects.toMatchObject(failure)
  expect(access.identify(bearer(text)).principal.by).toBe('key')
  await rmdir(join(dir, 'keys.json.new'))
  await key({ role: 'read' })
  expect(access.keys.list()).toHaveLength(2)
})

test('a change that lost its lock meanwhile is not made', async () => {
  const dir = await temporaryFolder()
  const store = await KeyStore.open({ dir, clock: Date.now, logger: SILENT_LOGGER })
  const robbed = store.change((file) => {
    writeFileSync(join(dir, 'keys.lock'), 'another')
    return { ...file, keys: [] }
  })
  await expect(robbed).rejects.toMatchObject({ code: 'KEYS_WRITE_FAILED' })
  expect(await readdir(dir)).not.toContain('keys.json')
  expect(await readFile(join(dir, 'keys.lock'), 'utf8')).toBe('another')
  await store.close()
})

test.skipIf(process.getuid?.() !== 0)('what the superuser changes stays with the owner of the folder', async () => {
  const dir = await temporaryFolder()
  await chown(dir, 4711, 4712)
  const { key } = await testAccess({ dir })
  await key({ role: 'read' })
  expect(await stat(join(dir, 'keys.json'))).toMatchObject({ uid: 4711, gid: 4712 })
})

test('a change does not wait forever for another process', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const held = await lockFile({ path, waitMsMax: 0 })
  await expect(lockFile({ path, waitMsMax: 30 })).rejects.toThrow(/is held by/)
  expect(await held.isHeld()).toBe(true)
  const next = lockFile({ path, waitMsMax: 5000 })
  await held.release()
  expect(await (await next).isHeld()).toBe(true)
})

test('the lock of a process that has ended is taken over, by one at a time', async () => {
  const path = join(await temporaryFolder(), 'lock')
  await abandonLock(path)
  // Another process was killed while it did the same.
  await abandonLock(`${path}.takeover`)
  let holders = 0
  const takers = Array.from({ length: 30 }, async () => {
    const held = await lockFile({ path, waitMsMax: 20_000 })
    holders++
    // Long enough for those who saw the abandoned lock to have their turn.
    for (let look = 0; look < 30; look++) expect([holders, await held.isHeld()]).toEqual([1, true])
    holders--
    await held.release()
  })
  await Promise.all(takers)
  expect(await readdir(join(path, '..'))).toEqual([])
})

// Only Linux tells when a process began.
test.skipIf(process.platform !== 'linux')('so is the lock of an earlier process of the same number', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const held = await lockFile({ path, waitMsMax: 0 })
  await writeFile(path, (await readFile(path, 'utf8')).replace(/ \d+ /, ' 1 '))
  expect(await held.isHeld()).toBe(false)
  const next = await lockFile({ path, waitMsMax: 0 })
  await held.release()
  expect(await next.isHeld()).toBe(true)
})

test('the lock of another machine is respected while it is young', async () => {
  const path = join(await temporaryFolder(), 'lock')
  await writeFile(path, '1 1 elsewhere/pid:[1]')
  await expect(lockFile({ path, waitMsMax: 0 })).rejects.toThrow(/elsewhere/)
})

test('the table without a server says what cannot be done', async () => {
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'keys.json'), 'x', { mode: 0o600 })
  const opened = openKeys({ dir, clock: Date.now, checkFilter: () => undefined })
  await expect(opened).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

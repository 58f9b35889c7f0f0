/** File systems of other machines that do not answer: they hold up nobody but themselves. */
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type MountIo, Mounts, MOUNT_IO } from './mounts.ts'
import { SOURCE_IO, type SourceIo } from './source-io.ts'
import { place } from './testing/place.ts'

const entry = (path: string, type: string): string => `22 27 0:21 / ${path} rw,relatime shared:1 - ${type} what rw\n`
const tableOf = (text: string): MountIo => ({ ...MOUNT_IO, table: () => Promise.resolve(text) })

test.each<[string, string | undefined]>([
  ['/var/log/app.log', undefined],
  ['/mnt/logs', '/mnt/logs'],
  ['/mnt/logs/a/b.log', '/mnt/logs'],
  ['/mnt/logsbook/b.log', undefined],
  ['/mnt/logs/near/b.log', undefined],
  ['/with space/b.log', '/with space'],
  ['/usb/b.log', undefined],
])('what is mounted at %s', async (path, mount) => {
  const table =
    entry('/', 'ext4') +
    entry('/mnt/logs', 'nfs4') +
    entry('/mnt/logs/near', 'tmpfs') +
    entry('/with\\040space', 'fuse.sshfs') +
    entry('/usb', 'fuseblk')
  const mounts = new Mounts(tableOf(table))
  await mounts.refresh()
  expect(mounts.of(path)).toBe(mount)
})

/** Calls with a path that the test holds do not return before it lets them. */
class Hanging {
  readonly #held = new Set<() => void>()
  readonly #prefix: string
  #hangs = true
  calls = 0

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  get io(): SourceIo {
    const through =
      <T>(call: (path: string) => Promise<T>) =>
      async (path: string): Promise<T> => {
        await this.#pass(path)
        return call(path)
      }
    return {
      ...SOURCE_IO,
      stat: through(SOURCE_IO.stat),
      list: through(SOURCE_IO.list),
      realpath: through(SOURCE_IO.realpath),
      open: through(SOURCE_IO.open),
    }
  }

  answer(): void {
    this.#hangs = false
    for (const go of this.#held) go()
  }

  async #pass(path: string): Promise<void> {
    if (!path.startsWith(this.#prefix) || !this.#hangs) return
    this.calls++
    await new Promise<void>((resolve) => this.#held.add(resolve))
  }
}

test('files nearby are found and read while a file system does not answer, and its own once it does', async () => {
  const { dir, log, end, start } = place()
  const net = join(dir, 'net')
  mkdirSync(join(dir, 'net/deep'), { recursive: true })
  writeFileSync(join(net, 'deep/far.log'), 'far\n')
  symlinkSync(net, join(dir, 'alias'))
  symlinkSync(join(net, 'deep/far.log'), join(dir, 'link.log'))
  writeFileSync(log, 'near\n')
  const hanging = new Hanging(net)
  const source = await start({
    patterns: [{ path: join(dir, '**/*.log') }],
    io: hanging.io,
    mounts: tableOf(entry(net, 'nfs')),
    limits: { remoteCallMs: 50, pollMs: 50 },
  })
  await expect.poll(() => end.messages).toEqual(['near'])
  expect(source.status().problems).toEqual([{ path: net, reason: 'the file system does not answer' }])
  for (let number = 1; number < 5; number++) {
    appendFileSync(log, `near ${number}\n`)
    writeFileSync(join(dir, `new-${number}.log`), `new ${number}\n`)
    await expect.poll(() => end.messages).toContain(`new ${number}`)
    await expect.poll(() => end.messages).toContain(`near ${number}`)
  }
  // However often everything was looked at, one call waits.
  expect(hanging.calls).toBe(1)
  hanging.answer()
  await expect.poll(() => end.messages).toContain('far')
  await expect.poll(() => source.status().problems).toEqual([])
  expect(end.messages.filter((message) => message === 'far')).toHaveLength(1)
})

test('a file system that stops to answer while it is read: its file goes on later where it was', async () => {
  const { dir, log, end, start } = place()
  const net = join(dir, 'net')
  mkdirSync(net)
  const far = join(net, 'far.log')
  writeFileSync(far, 'far 1\n')
  writeFileSync(log, 'near 1\n')
  let held: (() => void) | undefined
  let isHanging = false
  const read: SourceIo['read'] = async (fd, target, length, position) => {
    const count = await SOURCE_IO.read(fd, target, length, position)
    if (isHanging && target.subarray(0, count).includes('far')) await new Promise<void>((resolve) => (held = resolve))
    return count
  }
  const source = await start({
    patterns: [{ path: join(dir, '**/*.log') }],
    io: { ...SOURCE_IO, read },
    mounts: tableOf(entry(net, 'cifs')),
    limits: { remoteCallMs: 50, pollMs: 50, retryMs: 20 },
  })
  await expect.poll(() => end.messages.toSorted()).toEqual(['far 1', 'near 1'])
  isHanging = true
  appendFileSync(far, 'far 2\n')
  await expect.poll(() => source.status().files.find(({ path }) => path === far)?.error).toMatch(/does not answer/)
  appendFileSync(log, 'near 2\n')
  await expect.poll(() => end.messages).toContain('near 2')
  isHanging = false
  held?.()
  await expect.poll(() => end.messages.toSorted()).toEqual(['far 1', 'far 2', 'near 1', 'near 2'])
  await expect.poll(() => source.status().files.map(({ error }) => error)).toEqual([null, null])
})

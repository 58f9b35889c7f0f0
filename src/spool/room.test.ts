import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createDisk, type Disk } from './disk.ts'
import { Latch } from './testing/latch.ts'
import { RowMaker } from './testing/rows.ts'
import { temporaryFolder, testSpool } from './testing/temporary-spool.ts'

const run = promisify(execFile)

test('when the size limit is reached writers are refused, until the store has taken something', async () => {
  const { spool, store, counters } = await testSpool({ limits: { bytesMax: 23_000 } })
  store.outcome = () => 'down'
  const maker = new RowMaker()
  const kept: string[] = []
  for (let index = 0; index < 10; index++) {
    await spool.write(maker.batch([String(index)], 3000)).then(
      () => kept.push(String(index)),
      (error: unknown) => expect(error).toMatchObject({ code: 'SPOOL_FULL', status: 503, retryAfterSeconds: 5 }),
    )
  }
  // Blocks of 4 KiB count.
  expect(kept).toEqual(['0', '1', '2', '3', '4'])
  expect(spool.status().refusing).toBeNull()
  await expect(spool.write(maker.batch(['x'], 3000))).rejects.toThrow('full: 20 KiB of 22.5 KiB wait for the store')
  expect(counters.total('spool_refused_total', { reason: 'full' })).toBe(6)
  store.outcome = () => 'ok'
  await spool.waitStored(maker.lastNs)
  await spool.write(maker.batch(['again'], 3000))
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual([...kept, 'again'])
})

test('bytes that wait to be written are bounded', async () => {
  const gate = new Latch()
  const disk: Disk = createDisk()
  const write = disk.write
  disk.write = async (path, contents) => (await gate.opened, await write(path, contents))
  const { spool } = await testSpool({ disk, limits: { waitingBytesMax: 10_000 } })
  const maker = new RowMaker()
  const kept = [1, 2, 3].map((index) => spool.write(maker.batch([String(index)], 3000)))
  await expect(spool.write(maker.batch(['4'], 3000))).rejects.toMatchObject({
    code: 'SPOOL_FULL',
    retryAfterSeconds: 1,
  })
  expect(spool.status().refusing).toBeNull()
  gate.open()
  await Promise.all(kept)
  await spool.write(maker.batch(['5'], 3000))
})

test('little free disk refuses writers, and enough of it lets them in again', async () => {
  let freeBytes = 5000
  const disk: Disk = { ...createDisk(), freeBytes: async () => freeBytes }
  const { spool, counters } = await testSpool({ disk, limits: { diskFreeBytesMin: 10_000, diskCheckMs: 0 } })
  const maker = new RowMaker()
  expect(spool.status().refusing).toBe('disk: 4.9 KiB are free, 9.8 KiB are kept for the store')
  await expect(spool.write(maker.batch(['a']))).rejects.toMatchObject({ code: 'SPOOL_FULL', retryAfterSeconds: 30 })
  freeBytes = 1_000_000
  await vi.waitFor(() => spool.write(maker.batch(['b'])))
  expect(spool.status().refusing).toBeNull()
  expect(counters.total('spool_refused_total', { reason: 'disk' })).toBeGreaterThan(0)
})

test.each(['ENOSPC', 'EIO', 'EDQUOT'])('%s fails exactly those who wait for that write', async (code) => {
  const disk: Disk = createDisk()
  const { write, syncFolder } = disk
  const failing = new Set<string>()
  const fail = (step: string): void => {
    if (failing.has(step)) throw Object.assign(new Error(code), { code })
  }
  disk.write = async (path, contents) => {
    await write(path, contents)
    fail('write')
  }
  disk.syncFolder = async (path) => {
    fail('sync')
    await syncFolder(path)
  }
  const { spool, store, dir, counters } = await testSpool({ disk, limits: { flushBytes: 500 } })
  const maker = new RowMaker()
  for (const step of ['write', 'sync']) {
    failing.add(step)
    const failed = await Promise.allSettled([spool.write(maker.batch(['a'])), spool.write(maker.batch(['b']))])
    for (const outcome of failed) {
      expect(outcome).toMatchObject({ reason: { code: 'SPOOL_WRITE_FAILED', retryAfterSeconds: 5 } })
    }
    failing.delete(step)
    await spool.write(maker.batch([`after ${step}`]))
    await spool.waitStored(maker.lastNs)
  }
  expect(store.rows).toEqual(['after write', 'after sync'])
  await vi.waitFor(async () => expect(await readdir(dir)).toEqual(['quarantine']))
  expect(counters.total('spool_refused_total', { reason: 'write' })).toBe(4)
})

test('under a limit of the file size only the batch above it is refused', async () => {
  const dir = await temporaryFolder()
  const program = join(import.meta.dirname, 'testing/narrow-writer.ts')
  const command = 'ulimit -f 500 && exec "$0" --import tsx "$1" "$2"'
  const { stdout } = await run('sh', ['-c', command, process.execPath, program, dir])
  const { outcomes, temporary } = JSON.parse(stdout) as { outcomes: string[]; temporary: number }
  expect(outcomes).toEqual([
    'kept',
    expect.stringContaining('SPOOL_WRITE_FAILED: The spool could not be written: EFBIG'),
    'kept',
  ])
  expect(temporary).toBe(0)
})

/** A file system of 1 MiB at `dir` until the test ends; false where this user may not mount one. */
async function mountSmall(dir: string): Promise<boolean> {
  await mkdir(dir)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
  } catch {
    // Only root may, and not in every container.
    return false
  }
  onTestFinished(async () => void (await run('umount', ['-l', dir])))
  return true
}

test.for([
  ['found out by writing', true, 'SPOOL_WRITE_FAILED'],
  ['seen before', false, 'SPOOL_FULL'],
] as const)('a full disk (%s) refuses writers, and recovers by itself', async ([, isBlind, code], context) => {
  const dir = join(await temporaryFolder(), 'small')
  const isMounted = await mountSmall(dir)
  context.skip(!isMounted, 'mounting a file system is not permitted here')
  const ballast = join(dir, 'ballast')
  await writeFile(ballast, Buffer.alloc(600_000))
  const disk = createDisk()
  if (isBlind) disk.freeBytes = async () => Number.MAX_SAFE_INTEGER
  const { spool, store } = await testSpool({ dir: join(dir, 'spool'), disk, limits: { diskCheckMs: 0 } })
  store.outcome = () => 'down'
  const maker = new RowMaker()
  const kept: string[] = []
  const write = async (): Promise<void> => {
    const name = `row${maker.lastNs}`
    await spool.write(maker.batch([name], 90_000))
    kept.push(name)
  }
  await expect(
    (async () => {
      for (;;) await write()
    })(),
  ).rejects.toMatchObject({ code })
  expect(kept.length).toBeGreaterThan(1)
  await rm(ballast)
  await vi.waitFor(write)
  store.outcome = () => 'ok'
  await spool.waitStored(maker.lastNs)
  expect(store.rows).toEqual(kept)
})

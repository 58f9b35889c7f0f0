/** Whoever reads, from wherever, however fast: gets the bytes that were written, in order, once. */
import fc from 'fast-check'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BytePump, type PumpEnd } from './byte-pump.ts'
import { GrowingFile } from './growing-file.ts'
import { ReadBudget } from './read-budget.ts'

let dir: string
let files = 0
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-growing-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const LIMITS = { pendingBytesMax: 2000, windowBytes: 1000, syncMs: 10, gatherMsMax: 2 }
const BUDGET = { readChunkBytesMax: 700, readChunkBytesMin: 50, readBytesMax: 2000 }

function emptyFile(): { file: GrowingFile; path: string } {
  const path = join(dir, String(files++))
  writeFileSync(path, '')
  return { file: new GrowingFile({ path, sizeBytes: 0, limits: LIMITS }), path }
}

/** Byte n of every stream here. */
const byteAt = (n: number): number => (n * 31 + (n >> 8) * 7) & 255
const bytesOf = (from: number, to: number): Buffer =>
  Buffer.from(Array.from({ length: to - from }, (_, i) => byteAt(from + i)))

interface TestReader {
  from: number
  got: Buffer[]
  ended: Promise<PumpEnd>
  stop(): void
}

/** Takes `patience` pieces, then rests for so many turns. 0: never rests. */
function startReader(file: GrowingFile, budget: ReadBudget, from: number, to: number, patience: number): TestReader {
  const got: Buffer[] = []
  let pump: BytePump | undefined
  let left = patience
  const ended = new Promise<PumpEnd>((resolve) => {
    pump = new BytePump({
      file,
      budget,
      from,
      to,
      onEnd: resolve,
      write(bytes) {
        got.push(Buffer.from(bytes))
        if (patience === 0 || --left > 0) return true
        left = patience
        setTimeout(() => pump?.resume(), patience)
        return false
      },
    })
    pump.resume()
  })
  return { from, got, ended, stop: () => pump?.stop() }
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 3000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      to: fc.oneof(fc.constant(Infinity), fc.double({ min: 0, max: 1, noNaN: true })),
      patience: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
)

test('every reader gets what it asked for', { timeout: 60_000 }, () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.constantFrom('finished', 'cut'),
      async (steps, end) => {
        const { file } = emptyFile()
        const release = await file.hold()
        const budget = new ReadBudget(BUDGET)
        const readers: (TestReader & { to: number })[] = []
        let written = 0
        for (const one of steps) {
          if (one.kind === 'write') {
            const waiting = file.append(bytesOf(written, written + one.bytes))
            written += one.bytes
            await waiting
          } else if (one.kind === 'read') {
            const from = Math.floor(one.from * file.sizeBytes)
            const to = one.to === Infinity ? Infinity : from + Math.floor(one.to * (file.sizeBytes - from))
            readers.push({ ...startReader(file, budget, from, to, one.patience), to })
          } else await file.settled()
        }
        await file.settled()
        expect(file.sizeBytes).toBe(written)
        file.close(end)
        for (const { ended, got, from, to } of readers) {
          expect(await ended).toBe(end === 'finished' || to !== Infinity ? 'complete' : 'cut')
          expect(Buffer.concat(got).equals(bytesOf(from, Math.min(to, written)))).toBe(true)
        }
        release()
        // Nobody is left behind: the whole budget is for the next one.
        expect(budget.chunkBytes).toBe(BUDGET.readChunkBytesMax)
      },
    ),
    { numRuns: 60 },
  ),
)

test('a reader that is told to stop gets nothing more, and the others all', async () => {
  const { file } = emptyFile()
  const release = await file.hold()
  const budget = new ReadBudget(BUDGET)
  const stopped = startReader(file, budget, 0, Infinity, 0)
  const other = startReader(file, budget, 0, Infinity, 0)
  void file.append(bytesOf(0, 100))
  await file.settled()
  await expect.poll(() => Buffer.concat(stopped.got).length).toBe(100)
  stopped.stop()
  expect(file.followers).toBe(1)
  void file.append(bytesOf(100, 200))
  await file.settled()
  file.close('finished')
  await other.ended
  expect([stopped.got, other.got].map((got) => Buffer.concat(got).length)).toEqual([100, 200])
  release()
})

test('what is removed is not read to its end', async () => {
  const { file } = emptyFile()
  const release = await file.hold()
  void file.append(bytesOf(0, 100_000))
  await file.settled()
  const reader = startReader(file, new ReadBudget(BUDGET), 0, Infinity, 1)
  file.close('removed')
  expect(await reader.ended).toBe('removed')
  expect(Buffer.concat(reader.got).length).toBeLessThan(100_000)
  release()
})

test('a file that others cut short ends its readers, and one that cannot be written its writer', async () => {
  const { file, path } = emptyFile()
  const release = await file.hold()
  void file.append(bytesOf(0, 5000))
  await file.settled()
  writeFileSync(path, '')
  expect(await startReader(file, new ReadBudget(BUDGET), 0, Infinity, 0).ended).toBe('failed')
  release()
  const absent = new GrowingFile({ path: join(dir, 'absent'), sizeBytes: 0, limits: LIMITS })
  await expect(absent.hold()).rejects.toThrow('ENOENT')
  void absent.append(Buffer.from('x'))
  await expect(absent.settled()).rejects.toThrow('nobody holds')
})

test('the writer waits while too much is on its way, and never for readers', async () => {
  const { file } = emptyFile()
  const release = await file.hold()
  const stuck = new BytePump({
    file,
    budget: new ReadBudget(BUDGET),
    from: 0,
    to: Infinity,
    write: () => false,
    onEnd: () => undefined,
  })
  stuck.resume()
  expect(file.append(bytesOf(0, 1500))).toBeUndefined()
  await expect(file.append(bytesOf(1500, 3000))).resolves.toBeUndefined()
  for (let n = 0; n < 50; n++) await file.append(bytesOf(3000 + n * 3000, 6000 + n * 3000))
  expect(file.sizeBytes).toBe(153_000)
  stuck.stop()
  release()
})

test.each([true, false])('a writer that could not write, and wrote on, goes on later: cut off %s', async (isCut) => {
  const { file, path } = emptyFile()
  const release = await file.hold()
  // Full as a disk may be: this file takes nothing while it is another one.
  rmSync(path)
  release()
  symlinkSync('/dev/full', path)
  const full = await file.hold()
  await expect(file.append(bytesOf(0, 3000))).rejects.toThrow('ENOSPC')
  await expect(file.append(bytesOf(3000, 6000))).rejects.toThrow('ENOSPC')
  await expect(file.settled()).rejects.toThrow('ENOSPC')
  if (isCut) file.close('cut')
  full()
  rmSync(path)
  writeFileSync(path, '')
  file.reopen()
  const again = await file.hold()
  void file.append(bytesOf(0, 100))
  await file.settled()
  expect(file.sizeBytes).toBe(100)
  file.close('finished')
  again()
})

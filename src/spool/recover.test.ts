import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { openSpool, type Spool } from './spool.ts'
import { createHastyClock } from './testing/hasty-clock.ts'
import { MemoryDisk } from './testing/memory-disk.ts'
import { MemoryTarget, type Outcome } from './testing/memory-target.ts'
import { messagesIn, RowMaker } from './testing/rows.ts'

const DIR = '/spool'

/** The life of one process. */
interface Life {
  /** Each write: how many rows, which of them the store will refuse, how many turns of the event loop come after. */
  writes: { rows: number; bad: number[]; turns: number }[]
  isHeld: boolean
  /** The process ends at this step of the file system, if it comes so far. */
  stepsMax: number
  failingSteps: number[]
  /** What happens to the loads, one after another; afterwards all is well. */
  outcomes: Outcome[]
  /** With the process the machine goes: only so many of the changes of names that were not synced are left. */
  powerLoss: number | undefined
}

const life: fc.Arbitrary<Life> = fc.record({
  writes: fc.array(
    fc.record({ rows: fc.integer({ min: 1, max: 6 }), bad: fc.array(fc.nat(30), { maxLength: 2 }), turns: fc.nat(3) }),
    { maxLength: 8 },
  ),
  isHeld: fc.boolean(),
  stepsMax: fc.nat(250),
  failingSteps: fc.array(fc.nat(250), { maxLength: 4 }),
  outcomes: fc.array(fc.constantFrom<Outcome>('ok', 'down', 'answer lost'), { maxLength: 6 }),
  powerLoss: fc.option(fc.nat(20), { nil: undefined }),
})

const calm: Life = { writes: [], isHeld: false, stepsMax: 1e9, failingSteps: [], outcomes: [], powerLoss: undefined }

/** Several lives on one disk and one store, and what was promised in them. */
class World {
  readonly maker = new RowMaker()
  readonly acknowledged: string[] = []
  readonly written: string[] = []
  disk = new MemoryDisk()
  store = new MemoryTarget(this.disk)

  async open(life: Life): Promise<Spool | undefined> {
    const before = this.store.batches
    this.store = new MemoryTarget(this.disk)
    for (const [token, rows] of before) this.store.batches.set(token, rows)
    this.store.isBad = (message) => message.startsWith('bad')
    const outcomes = life.outcomes.slice()
    this.store.outcome = () => outcomes.shift() ?? 'ok'
    const opening = openSpool({
      dir: DIR,
      node: 'test',
      store: this.store,
      disk: this.disk,
      clock: createHastyClock(),
      counters: new Counters(),
      logger: SILENT_LOGGER,
      limits: { flushBytes: 200, loadFilesMax: 3, diskFreeBytesMin: 0 },
    })
    // A process that cannot put its folder in order does not start: the next one tries again.
    return await Promise.race([opening.catch(() => undefined), this.disk.stopped.then(() => undefined)])
  }

  async live(life: Life): Promise<void> {
    const spool = await this.open(life)
    const release = life.isHeld ? spool?.hold() : undefined
    for (const { rows, bad, turns } of spool ? life.writes : []) {
      const messages = Array.from(
        { length: rows },
        (_, row) => `${bad.includes(row) ? 'bad' : 'row'}${this.written.length + row}`,
      )
      this.written.push(...messages)
      void spool?.write(this.maker.batch(messages)).then(
        () => this.acknowledged.push(...messages),
        () => {},
      )
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    }
    release?.()
    await Promise.race([spool?.close(), this.disk.stopped])
  }

  quarantined(): string[] {
    return [...this.disk.filesIn(`${DIR}/quarantine`).values()].flatMap((bytes) => messagesIn(bytes))
  }
}

async function check(lives: Life[]): Promise<void> {
  const world = new World()
  for (const [index, life] of lives.entries()) {
    world.disk = world.disk.restart(lives[index - 1]?.powerLoss, life.stepsMax, life.failingSteps)
    await world.live(life)
  }
  world.disk = world.disk.restart(lives.at(-1)?.powerLoss)
  const spool = await world.open(calm)
  await spool?.waitStored(world.maker.lastNs)
  expect(spool?.status()).toMatchObject({ pendingFiles: 0, pendingBytes: 0, pendingRows: 0 })
  await spool?.close()

  const left = [...world.disk.filesIn(DIR).keys()].filter((path) => !path.startsWith(`${DIR}/quarantine/`))
  expect(left).toEqual([])
  const counts = new Map<string, number>()
  const { rows } = world.store
  for (const row of [...rows, ...world.quarantined()]) counts.set(row, (counts.get(row) ?? 0) + 1)
  for (const row of world.acknowledged) expect([row, counts.get(row)]).toEqual([row, 1])
  for (const row of world.written) expect(counts.get(row) ?? 0).toBeLessThanOrEqual(1)
  expect(rows.filter((row) => row.startsWith('bad'))).toEqual([])
  expect(world.quarantined().filter((row) => !row.startsWith('bad'))).toEqual([])
}

test(
  'after any crashes, every acknowledged row is in the store once, or in quarantine if it is bad',
  { timeout: 120_000 },
  async () => {
    await fc.assert(fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), check), { numRuns: 400 })
  },
)

import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { fileSource, type FileSource } from './file.ts'
import { MemoryEnd } from './testing/memory-end.ts'
import { RotatingLog } from './testing/rotating-log.ts'
import { seededRandom } from '../../core/testing/seeded-random.ts'

/** One agent after the other on the same files; each leaves its journal as it was at the moment it was killed. */
class Agents {
  #source: FileSource | undefined
  #cut: (() => void) | undefined
  #number = 0
  readonly #folder: string
  readonly #end: MemoryEnd
  readonly #globs: readonly string[]

  constructor(folder: string, end: MemoryEnd, globs: readonly string[]) {
    this.#folder = folder
    this.#end = end
    this.#globs = globs
  }

  async start(): Promise<void> {
    const sink = this.#end.connect()
    this.#cut = sink.cut
    this.#source = await fileSource.follow({
      patterns: this.#globs.map((glob) => ({ path: join(this.#folder, 'logs', glob), multiline: 'off' })),
      stateDir: join(this.#folder, `state-${this.#number}`),
      sink,
      counters: new Counters(),
      logger: SILENT_LOGGER,
      hostname: 'box',
      limits: {
        lingerMs: 2,
        holdMs: 5,
        partialMs: 10_000,
        rotatedMs: 1000,
        rescanMs: 300,
        archiveQuietMs: 100,
        readBytes: 4096,
        openFilesMax: 20,
      },
    })
  }

  /** What is on its way is lost, or arrives without anybody being told. */
  async kill(): Promise<void> {
    this.#cut?.()
    const left = join(this.#folder, `state-${this.#number}`)
    cpSync(left, join(this.#folder, `state-${this.#number + 1}`), { recursive: true })
    this.#number++
    await this.#source?.close()
    this.#source = undefined
  }

  async close(): Promise<void> {
    await this.#source?.close()
  }
}

/** What happens to a log, between lines that are read and lines that are not. */
const ROTATIONS: Readonly<Record<string, (log: RotatingLog, allRead: () => Promise<void>) => Promise<void> | void>> = {
  renamed: (log) => log.rename(),
  'copied and emptied': (log) => log.copyTruncate(),
  'written anew, as long as before': async (log, allRead) => {
    await allRead()
    log.rewriteSameSize()
  },
  'removed and made again': async (log, allRead) => {
    await allRead()
    log.recreate()
  },
  'removed while it is written to': async (log, allRead) => {
    // Whoever has it open for reading has it for good.
    await allRead()
    const close = log.removeWhileOpen()
    await allRead()
    close()
  },
}

describe.each([
  ['the log alone', ['*.log']],
  ['rotated files as well', ['*.log', '*.log.*']],
])('every line once: %s', (_name, globs) => {
  test.each(Object.entries(ROTATIONS))('%s, with an agent that is killed now and then', async (_how, rotate) => {
    const folder = mkdtempSync(join(tmpdir(), 'tailrace-rotation-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    mkdirSync(join(folder, 'logs'))
    const end = new MemoryEnd()
    const log = new RotatingLog(join(folder, 'logs', 'app.log'), 'app', seededRandom(1))
    const agents = new Agents(folder, end, globs)
    onTestFinished(() => agents.close())
    await agents.start()
    const allRead = (): Promise<void> =>
      expect
        .poll(() => log.expected.filter((line) => !new Set(end.messages).has(line)).slice(0, 3), { timeout: 20_000 })
        .toEqual([])
    for (let round = 0; round < 4; round++) {
      log.append(20)
      await allRead()
      log.append(2)
      await rotate(log, allRead)
      log.append(1)
      await allRead()
      if (round % 2 === 0) continue
      await agents.kill()
      log.append(3)
      if (round === 1) log.rename()
      else log.copyTruncate()
      log.append(2)
      await agents.start()
    }
    await allRead()
    // What fills a file up to its size before is no line of the log.
    const lines = end.messages.filter((message) => !message.startsWith('~'))
    expect(lines.toSorted()).toEqual(log.expected.toSorted())
  })
})

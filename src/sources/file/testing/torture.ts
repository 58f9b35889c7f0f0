/** For tests: logs that are rotated in every way at once, and agents that follow them and are killed. */
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Counters } from '../../../core/counters.ts'
import { SILENT_LOGGER, type Logger } from '../../../core/logger.ts'
import { seededRandom } from '../../../core/testing/seeded-random.ts'
import { fileSource, type FileSource } from '../file.ts'
import { MemoryEnd } from './memory-end.ts'
import { type LogHabits, type Surroundings, TorturedLog } from './tortured-log.ts'

/** Short and long beginnings that all logs share; the long one is longer than what is kept of a beginning. */
const BANNERS = ['', '# begins\n', '# the same in all logs, and longer than what is kept of it\n'.repeat(25)]
const STORED_MS_MAX = 60_000
const PATTERNS = [['**/*.log'], ['**/*.log', '**/*.log.*', '**/*.log-*']]

export interface TortureOutcome {
  lines: number
  rotations: number
  kills: number
  missing: string[]
  repeated: string[]
}

/** One agent after the other on the same folder; each leaves its journal as it was at the moment it was killed. */
class Agents {
  readonly #folder: string
  readonly #end: MemoryEnd
  readonly #globs: readonly string[]
  readonly #openFilesMax: number
  readonly #logger: Logger
  #source: FileSource | undefined
  #cut: (() => void) | undefined
  kills = 0

  constructor(folder: string, end: MemoryEnd, globs: readonly string[], openFilesMax: number, logger: Logger) {
    this.#folder = folder
    this.#end = end
    this.#globs = globs
    this.#openFilesMax = openFilesMax
    this.#logger = logger
  }

  async start(): Promise<void> {
    const sink = this.#end.connect()
    this.#cut = sink.cut
    this.#source = await fileSource.follow({
      patterns: this.#globs.map((glob) => ({ path: join(this.#folder, 'logs', glob) })),
      stateDir: this.#state,
      sink,
      counters: new Counters(),
      logger: this.#logger,
      hostname: 'box',
      limits: {
        lingerMs: 2,
        holdMs: 30,
        partialMs: 600_000,
        rotatedMs: 2000,
        rescanMs: 500,
        retryMs: 50,
        archiveQuietMs: 200,
        readBytes: 4096,
        openFilesMax: this.#openFilesMax,
      },
    })
  }

  /** What is on its way is lost, or arrives without anybody being told. */
  async kill(): Promise<void> {
    this.#cut?.()
    const left = this.#state
    this.kills++
    cpSync(left, this.#state, { recursive: true })
    await this.#source?.close()
    this.#source = undefined
    rmSync(left, { recursive: true })
  }

  async close(): Promise<void> {
    await this.#source?.close()
  }

  get #state(): string {
    return join(this.#folder, `state-${this.kills}`)
  }
}

export class Torture {
  readonly folder: string
  readonly #random: () => number
  readonly #end = new MemoryEnd()
  readonly #logs: TorturedLog[] = []
  readonly #agents: Agents
  readonly trace: string[] = []
  #unharmed = 0
  /** Before the first start, too. */
  #isHarming = false
  #losesAnswers = false
  #back: (() => void)[] | undefined

  constructor(folder: string, seed: number) {
    this.folder = folder
    this.#random = seededRandom(seed)
    const startedMs = performance.now()
    const say = (what: string): void => void this.trace.push(`${(performance.now() - startedMs).toFixed(0)} ${what}`)
    const openFilesMax = this.#oneOf([3, 100, 100])
    const around: Surroundings = {
      random: this.#random,
      pause: () => delay(this.#random() ** 2 * 60),
      allStored: (log) => this.#allStored(log),
      unharmed: async (act) => {
        while (this.#isHarming) await delay(5)
        this.#unharmed++
        try {
          await act()
        } finally {
          this.#unharmed--
        }
      },
      say,
    }
    for (const name of ['a', 'b', 'c', 'd']) {
      const folderOf = this.#oneOf(['', 'deep', 'deep/er'])
      const path = join(folder, 'logs', folderOf, `${name}.log`)
      const habits = this.#habits(openFilesMax)
      say(`${name}: ${JSON.stringify({ ...habits, banner: habits.banner.length })}`)
      this.#logs.push(new TorturedLog(path, habits, around))
    }
    const globs = this.#oneOf(PATTERNS)
    const said = (fields: object, text: string): void => say(`agent: ${text} ${JSON.stringify(fields)}`)
    const logger = { ...SILENT_LOGGER, debug: said, info: said, warn: said, error: said }
    this.#agents = new Agents(folder, this.#end, globs, openFilesMax, logger)
    this.#say = say
    this.#selectsRotated = globs.length > 1
    say(`globs ${globs.join(' ')}, open files ${openFilesMax}`)
    this.#end.onDeliver = async () => {
      if (this.#back) await new Promise<void>((resolve) => this.#back?.push(resolve))
      if (this.#random() < 0.5) await delay(this.#random() * 20)
    }
    this.#end.onAnswer = () => (this.#losesAnswers ? new Promise(() => undefined) : undefined)
  }

  readonly #say: (what: string) => void
  readonly #selectsRotated: boolean

  /** So long everything happens at once; then all has to be there. */
  async run(ms: number): Promise<TortureOutcome> {
    const endMs = performance.now() + ms
    mkdirSync(join(this.folder, 'logs'), { recursive: true })
    // What was rotated before the first start is only read where a path selects it.
    if (!this.#selectsRotated) await this.#agents.start()
    await Promise.all([this.#everybody(endMs), this.#killer(endMs)])
    for (const log of this.#logs) log.finish()
    for (const log of this.#logs) await this.#allStored(log)
    // What is there twice comes late.
    await delay(600)
    await this.#agents.close()
    for (const log of this.#logs) log.close()
    return this.#outcome()
  }

  #outcome(): TortureOutcome {
    const { times } = this.#end
    const outcome: TortureOutcome = {
      lines: 0,
      rotations: 0,
      kills: this.#agents.kills,
      missing: [],
      repeated: [],
    }
    for (const log of this.#logs) {
      outcome.lines += log.next
      outcome.rotations += log.rotations
      outcome.missing.push(...this.#missing(log))
    }
    for (const [message, count] of times) {
      if (count > 1 && !message.startsWith('#')) outcome.repeated.push(message)
    }
    return outcome
  }

  #missing(log: TorturedLog): string[] {
    return Array.from({ length: log.next }, (_, number) => log.line(number)).filter(
      (line) => !this.#end.times.has(line),
    )
  }

  async #everybody(endMs: number): Promise<void> {
    await Promise.all(
      this.#logs.map(async (log, index) => {
        if (index > 0) await delay(this.#random() * 500)
        mkdirSync(dirname(log.path), { recursive: true })
        while (performance.now() < endMs) {
          await log.live()
          await delay(this.#random() ** 3 * 200)
        }
      }),
    )
  }

  async #killer(endMs: number): Promise<void> {
    if (this.#selectsRotated) {
      await delay(this.#random() * 200)
      await this.#agents.start()
    }
    while (performance.now() < endMs) {
      await delay(this.#random() ** 2 * 1500)
      if (this.#random() < 0.5) {
        this.#say('the server is away')
        this.#back = []
        await delay(this.#random() * 300)
      }
      this.#isHarming = this.#unharmed === 0 && this.#random() < 0.8
      if (this.#isHarming) {
        this.#losesAnswers = this.#random() < 0.5
        if (this.#losesAnswers) await delay(this.#random() * 30)
        this.#say('the agent is killed')
        await this.#agents.kill()
        this.#losesAnswers = false
        await delay(this.#random() ** 2 * 500)
        this.#say('the agent is started')
        const started = this.#agents.start()
        if (this.#random() < 0.5) await started
        this.#return()
        await started
        this.#isHarming = false
      }
      this.#return()
    }
  }

  #return(): void {
    if (this.#back) this.#say('the server is back')
    const waiting = this.#back ?? []
    this.#back = undefined
    for (const go of waiting) go()
  }

  async #allStored(log: TorturedLog): Promise<void> {
    let first = 0
    const deadline = performance.now() + STORED_MS_MAX
    while (first < log.next) {
      if (this.#end.times.has(log.line(first))) first++
      else if (performance.now() < deadline) await delay(5)
      else throw new Error(`not stored: ${this.#missing(log).slice(0, 3).join(', ')}`)
    }
  }

  #habits(openFilesMax: number): LogHabits {
    return {
      names: this.#oneOf(['numbered', 'numbered', 'dated', 'dated stem']),
      compresses: this.#oneOf(['never', 'at once', 'later']),
      banner: this.#oneOf(BANNERS),
      keepsPlace: this.#random() < 0.2,
      isHeldOpen: openFilesMax > 10,
    }
  }

  #oneOf<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)] as T
  }
}

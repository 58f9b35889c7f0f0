import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { seededRandom } from '../../src/core/testing/seeded-random.ts'
import { type LogHabits, TorturedLog } from '../../src/sources/file/testing/tortured-log.ts'
import { Address } from './harness/address.ts'
import { type RunningCli, startCli } from './harness/cli.ts'
import { queryStream, settled } from './harness/http.ts'
import { byExtent, SEED } from './harness/random.ts'
import { startServer, temporaryFolder, type TestServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

/** Faults, each with a kill -9 of the agent, of the server, or of both. */
const ROUNDS = byExtent({ short: 2, normal: 4, long: 60 })
/** Of each log. */
const ROTATIONS_MIN = 3
const STORED_MS_MAX = 120_000
const QUERY_EVERY_MS = 150
/** Longer than what is kept of a beginning: all logs begin alike. */
const BANNER = '# the same in all logs, and longer than what is kept of it\n'.repeat(25)

const LOGS: readonly [path: string, habits: LogHabits][] = [
  ['a.log', { names: 'numbered', compresses: 'later', banner: BANNER, keepsPlace: false, isHeldOpen: true }],
  ['b.log', { names: 'dated', compresses: 'at once', banner: BANNER, keepsPlace: false, isHeldOpen: true }],
  ['later/c.log', { names: 'dated stem', compresses: 'never', banner: '', keepsPlace: true, isHeldOpen: true }],
  [
    'later/still/d.log',
    { names: 'numbered', compresses: 'at once', banner: '# d\n', keepsPlace: false, isHeldOpen: true },
  ],
]

/** The agent, the server, and what is between them. */
class Delivery {
  readonly #address = new Address()
  readonly #dataDir = temporaryFolder()
  readonly #random: () => number
  readonly #arguments: string[] = []
  #server: TestServer | undefined
  #agent: RunningCli | undefined
  #unharmed = 0
  #isHarming = false
  kills = 0

  constructor(random: () => number) {
    this.#random = random
  }

  get url(): string {
    return this.#server?.url ?? ''
  }

  async start(folder: string): Promise<void> {
    const config = join(folder, 'tailrace.yaml')
    const url = await this.#address.open()
    // A line that is begun is not given up, however busy the machine is.
    const agent = {
      url,
      state: join(folder, 'state'),
      host: 'torture',
      partialWait: '10m',
      paths: [join(folder, 'logs/**/*.log')],
    }
    writeFileSync(config, JSON.stringify({ agent }))
    this.#arguments.push('agent', '--config', config)
    await this.#startServer()
    this.#startAgent()
    // What is rotated before an agent is started for the first time is not what it is asked for.
    await until('the agent is ready', () => this.#agent?.stdout.includes('"ready":true') === true)
  }

  /** Meanwhile no agent is killed: it is the only one who can read what is removed. */
  async unharmed(act: () => Promise<void>): Promise<void> {
    while (this.#isHarming) await delay(10)
    this.#unharmed++
    try {
      await act()
    } finally {
      this.#unharmed--
    }
  }

  async harm(): Promise<void> {
    const isAgentSpared = this.#unharmed > 0
    this.#isHarming = !isAgentSpared
    const kind = this.#random()
    const isAgentKilled = !isAgentSpared && kind < 0.75
    const isServerKilled = kind > 0.4 || isAgentSpared
    // What was delivered last is there, and the agent does not know it.
    if (!isAgentSpared && this.#random() < 0.5) await this.#address.loseAnswer()
    const isServerFirst = this.#random() < 0.5
    if (isServerKilled && isServerFirst) await this.#killServer()
    if (isServerKilled && isServerFirst) await delay(this.#random() * 500)
    if (isAgentKilled) await this.#killAgent()
    if (isServerKilled && !isServerFirst) await this.#killServer()
    this.#address.keepAnswers()
    await delay(this.#random() * 500)
    if (isAgentKilled && this.#random() < 0.5) this.#startAgent()
    if (isServerKilled) await this.#startServer()
    if (!this.#agent) this.#startAgent()
    this.#isHarming = false
  }

  /** What the agent and the server say of what is wrong. */
  get complaints(): string {
    return `${this.#agent?.stderr ?? 'no agent'}\n${this.#server?.stderr ?? 'no server'}`.slice(-4000)
  }

  async stop(): Promise<void> {
    await this.#killAgent()
    await this.#server?.stop()
  }

  async #startServer(): Promise<void> {
    this.#server = await startServer({ dataDir: this.#dataDir })
    this.#address.leadsTo(this.#server)
  }

  async #killServer(): Promise<void> {
    this.kills++
    await this.#server?.kill9()
  }

  #startAgent(): void {
    this.#agent = startCli(this.#arguments)
  }

  async #killAgent(): Promise<void> {
    this.kills++
    this.#agent?.child.kill('SIGKILL')
    await this.#agent?.ended
    this.#agent = undefined
  }
}

/** What the server has: each message, and how often. One question at a time, however many wait. */
class Ledger {
  readonly #delivery: Delivery
  #stored: ReadonlyMap<string, number> = new Map()
  #asking: Promise<void> | undefined

  constructor(delivery: Delivery) {
    this.#delivery = delivery
  }

  get stored(): ReadonlyMap<string, number> {
    return this.#stored
  }

  missing(log: TorturedLog): string[] {
    return Array.from({ length: log.next }, (_, number) => log.line(number)).filter((line) => !this.#stored.has(line))
  }

  async allStored(log: TorturedLog): Promise<void> {
    await until(
      `everything of ${log.name} is stored`,
      async () => {
        await this.ask()
        const missing = this.missing(log)
        if (missing.length > 0)
          throw new Error(`${missing.length} missing: ${missing.slice(0, 3).join(', ')}; ${this.#delivery.complaints}`)
        return true
      },
      STORED_MS_MAX,
    )
  }

  /** Resolves when something more is stored, or all is: who delivers has got over the last fault. */
  async progress(logs: readonly TorturedLog[]): Promise<void> {
    const { size } = this.#stored
    await until(
      'something is stored',
      async () => {
        await this.ask()
        return this.#stored.size > size || logs.every((log) => this.missing(log).length === 0)
      },
      STORED_MS_MAX,
    )
  }

  async ask(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined))
    await this.#asking
  }

  async #ask(): Promise<void> {
    await delay(QUERY_EVERY_MS)
    const stored = new Map<string, number>()
    for await (const { message } of queryStream(this.#delivery.url, 'host:torture | fields message')) {
      stored.set(String(message), (stored.get(String(message)) ?? 0) + 1)
    }
    this.#stored = stored
  }
}

test(
  `every line once: logs rotated in every way while agents and servers are killed ${ROUNDS} times, seed ${SEED}`,
  async () => {
    const random = seededRandom(SEED)
    const folder = temporaryFolder()
    const delivery = new Delivery(random)
    const ledger = new Ledger(delivery)
    const said: string[] = []
    const logs = LOGS.map(
      ([path, habits]) =>
        new TorturedLog(join(folder, 'logs', path), habits, {
          random,
          pause: () => delay(random() ** 2 * 100),
          allStored: (log) => ledger.allStored(log),
          unharmed: (act) => delivery.unharmed(act),
          say: (what) => void said.push(what),
        }),
    )
    onTestFinished(() => logs.forEach((log) => log.close()))
    mkdirSync(join(folder, 'logs'))
    await delivery.start(folder)
    const life = { isOver: false }
    const living = logs.map(async (log) => {
      if (dirname(log.path) !== join(folder, 'logs')) await delay(random() * 2000)
      mkdirSync(dirname(log.path), { recursive: true })
      while (!life.isOver || log.rotations < ROTATIONS_MIN) {
        await log.live()
        await delay(random() ** 3 * 400)
      }
      log.finish()
    })
    const harming = (async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await delay(200 + random() * 1500)
        await delivery.harm()
        await ledger.progress(logs)
      }
      life.isOver = true
    })()
    await Promise.all([harming, ...living])
    for (const log of logs) await ledger.allStored(log)
    await settled(delivery.url)
    await ledger.ask()
    const repeated = [...ledger.stored].filter(([line, times]) => times > 1 && !line.startsWith('#'))
    expect(repeated).toEqual([])
    expect(logs.flatMap((log) => ledger.missing(log))).toEqual([])
    await delivery.stop()
    console.log(
      logs.map(({ next, rotations }) => [next, rotations]),
      delivery.kills,
    )
  },
  60_000 + ROUNDS * 20_000,
)

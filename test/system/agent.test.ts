import { appendFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { runCli, type RunningCli, startCli } from './harness/cli.ts'
import { count, queryStream, settled } from './harness/http.ts'
import { seededRandom } from '../../src/core/testing/seeded-random.ts'
import { byExtent, SEED } from './harness/random.ts'
import { startServer, temporaryFolder, type TestServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const ROUNDS = byExtent({ short: 2, normal: 2, long: 40 })
/** Longest time between two things that happen. */
const MOMENT_MS_MAX = 250
const WRITE_EVERY_MS = 10
const LINES_PER_WRITE = 5

/** An address that stays while servers behind it come and go. */
class Address {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0
  #losesAnswers = false
  lostAnswers = 0

  constructor() {
    this.#server = createServer((socket) => {
      const onward = connect(this.#port, '127.0.0.1')
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
      }
      socket.pipe(onward)
      onward.on('data', (answer: Buffer) => {
        if (this.#losesAnswers) this.lostAnswers++
        else socket.write(answer)
      })
    })
    onTestFinished(() => {
      this.#server.close()
      for (const socket of this.#sockets) socket.destroy()
    })
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  leadsTo(server: TestServer): void {
    this.#port = Number(new URL(server.url).port)
    this.#losesAnswers = false
  }

  /** Resolves when the server has answered something that nobody got. */
  async loseAnswer(): Promise<void> {
    const { lostAnswers } = this
    this.#losesAnswers = true
    await until('an answer is lost', () => this.lostAnswers > lostAnswers)
  }
}

/** Two applications: the log of one only grows, that of the other is rotated as logrotate does. */
class Applications {
  readonly folder: string
  readonly #timer: NodeJS.Timeout
  written = 0

  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder)
    this.write()
    this.#timer = setInterval(() => this.write(), WRITE_EVERY_MS)
    onTestFinished(() => this.stop())
  }

  write(): void {
    const numbers = Array.from({ length: LINES_PER_WRITE }, () => this.written++)
    for (const name of ['growing', 'rotated']) {
      appendFileSync(join(this.folder, `${name}.log`), numbers.map((number) => `${name} line ${number}\n`).join(''))
    }
  }

  rotate(): void {
    const log = join(this.folder, 'rotated.log')
    let oldest = 1
    while (existsSync(`${log}.${oldest}`)) oldest++
    for (let number = oldest; number > 1; number--) renameSync(`${log}.${number - 1}`, `${log}.${number}`)
    renameSync(log, `${log}.1`)
    writeFileSync(log, '')
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** How often each line of the application is stored, by number. */
async function storedOf(url: string, name: string): Promise<Map<number, number>> {
  const stored = new Map<number, number>()
  for await (const { message } of queryStream(url, name)) {
    const number = Number(/ line (\d+)$/.exec(String(message))?.[1])
    stored.set(number, (stored.get(number) ?? 0) + 1)
  }
  return stored
}

function missingOf(stored: ReadonlyMap<number, number>, written: number): number[] {
  return Array.from({ length: written }, (_, number) => number).filter((number) => !stored.has(number))
}

function repeatedOf(stored: ReadonlyMap<number, number>): number[] {
  return [...stored].filter(([, times]) => times > 1).map(([number]) => number)
}

async function killAgent({ child, ended }: RunningCli): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

test(
  `agents and servers killed ${ROUNDS} times under load: no line is lost, those of a log that only grows are there once`,
  async () => {
    const random = seededRandom(SEED)
    const moment = (): Promise<void> => delay(random() * MOMENT_MS_MAX)
    const folder = temporaryFolder()
    const dataDir = temporaryFolder()
    const address = new Address()
    const url = await address.open()
    let server = await startServer({ dataDir })
    address.leadsTo(server)
    const applications = new Applications(join(folder, 'logs'))
    const startAgent = (): RunningCli =>
      startCli(['agent', '--url', url, '--state', join(folder, 'state'), join(folder, 'logs', '*.log')])
    let agent = startAgent()
    for (let round = 0; round < ROUNDS; round++) {
      const { written } = applications
      // So that each of them has something to lose.
      await until('lines of now are stored', async () => (await count(server.url, `growing "line ${written}"`)) > 0)
      await moment()
      applications.rotate()
      if (round % 2 === 0) {
        // What was delivered last is there, and the agent does not know it.
        await address.loseAnswer()
        await killAgent(agent)
        await server.kill9()
      } else {
        // It is not there, and the agent does not know it.
        await server.kill9()
        const from = applications.written
        await until('more is written', () => applications.written > from + 20 * LINES_PER_WRITE)
        await killAgent(agent)
      }
      await moment()
      agent = startAgent()
      server = await startServer({ dataDir })
      address.leadsTo(server)
    }
    applications.stop()
    const { written } = applications
    for (const name of ['growing', 'rotated']) {
      await until(`all of ${name} is stored`, async () => {
        const missing = missingOf(await storedOf(server.url, name), written)
        if (missing.length > 0) throw new Error(`missing: ${missing.length}, from ${missing[0]}`)
        return true
      })
    }
    await settled(server.url)
    expect(repeatedOf(await storedOf(server.url, 'growing'))).toEqual([])
    expect(written).toBeGreaterThan(ROUNDS * LINES_PER_WRITE)
    await killAgent(agent)
    await server.stop()
  },
  60_000 + ROUNDS * 10_000,
)

test('standard input is delivered before the agent ends, and commands are run again', async () => {
  const server = await startServer()
  const folder = temporaryFolder()
  const lines = Array.from({ length: 1000 }, (_, number) => `given ${number}\n`).join('')
  const from = ['agent', '--url', server.url, '--state', folder]
  expect(await runCli([...from, '--stdin', '--service', 'input'], lines)).toMatchObject({ code: 0 })
  await settled(server.url)
  expect(await count(server.url, 'service:input')).toBe(1000)
  const agent = startCli([...from, '--exec', 'echo said; echo grumbled >&2', '--service', 'command'])
  await until('the command has run twice', async () => (await count(server.url, 'service:command said')) >= 2)
  agent.child.kill('SIGTERM')
  expect(await agent.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('\ngrumbled\n') })
  await server.stop()
})

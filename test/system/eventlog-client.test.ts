import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { queryStream, settled } from './harness/http.ts'
import { startServer, temporaryFolder, type TestServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const LIBRARY = new URL('../../dist/client/eventlog/eventlog.js', import.meta.url).href

/** Logs numbered events as fast as it may, and prints the number of each that was kept. */
const APPLICATION = `
import { createEventLogger } from ${JSON.stringify(LIBRARY)}
const [dir, url, facility] = process.argv.slice(2)
const log = createEventLogger({ dir, url, facility })
let n = 0
const timer = setInterval(() => {
  for (let i = 0; i < 5; i++) if (log.info('tick', { n })) process.stdout.write(n++ + '\\n')
}, 5)
process.on('SIGTERM', () => { clearInterval(timer); log.close(); process.exit(0) })
process.on('SIGUSR2', () => { throw new Error('uncaught, as the test wants it') })
`

interface Application {
  facility: string
  child: ChildProcess
  /** Highest number of an event that was logged, −1 before the first. */
  last(): number
  end(signal: NodeJS.Signals): Promise<void>
}

function startApplication(dir: string, url: string, facility: string): Application {
  const script = join(dir, `${facility}.mjs`)
  writeFileSync(script, APPLICATION)
  const child = spawn(process.execPath, [script, join(dir, 'spool'), url, facility], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let printed = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-100)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  onTestFinished(() => void child.kill('SIGKILL'))
  return {
    facility,
    child,
    last: () => Number(printed.trimEnd().split('\n').at(-1) || '-1'),
    async end(signal) {
      child.kill(signal)
      await ended
    },
  }
}

function senderPid(dir: string): number {
  return Number(readFileSync(join(dir, 'spool', 'sender.lock'), 'utf8'))
}

/** The numbers that the server has of a facility, in the order of their timestamps. */
async function stored(server: TestServer, facility: string): Promise<number[]> {
  const found: number[] = []
  for await (const { attributes } of queryStream(server.url, `service:${facility} | sort timestamp`)) {
    found.push(Number((attributes as Record<string, string>)['n']))
  }
  return found
}

test('server away, sender killed, applications killed: every event once, in order', async () => {
  const dir = temporaryFolder()
  const dataDir = temporaryFolder()
  let server = await startServer({ dataDir })
  const port = new URL(server.url).port
  const restart = async (): Promise<void> => {
    server = await startServer({ dataDir, flags: { port } })
  }
  const ends: [NodeJS.Signals, string][] = [
    ['SIGKILL', 'killed'],
    ['SIGTERM', 'stopped'],
    ['SIGUSR2', 'uncaught'],
  ]
  const applications = ends.map(([, facility]) => startApplication(dir, server.url, facility))
  const progress = async (events: number): Promise<void> => {
    const from = applications.map((application) => application.last())
    await until('the applications log', () =>
      applications.every((application, index) => application.last() >= (from[index] ?? 0) + events),
    )
  }
  await progress(200)
  // The server dies in the middle of its work, and stays away for a while.
  await server.kill9()
  await progress(300)
  await restart()
  await progress(200)
  // So does the sender, several times.
  for (let round = 0; round < 3; round++) {
    const pid = await until('a sender runs', () => senderPid(dir))
    process.kill(pid, 'SIGKILL')
    await progress(200)
    await until('another sender runs', () => senderPid(dir) !== pid)
  }
  await progress(100)
  for (const [index, [signal]] of ends.entries()) await applications[index]?.end(signal)
  const expected = applications.map((application) => application.last() + 1)
  await until('the folder is empty', () => !readdirSync(join(dir, 'spool')).some((name) => name.endsWith('.log')))
  await settled(server.url)
  for (const [index, { facility }] of applications.entries()) {
    const found = await stored(server, facility)
    const logged = expected[index] ?? 0
    // One event may have been logged whose number did not get out before the kill.
    expect([logged, logged + 1, logged + 2, logged + 3, logged + 4, logged + 5]).toContain(found.length)
    expect(found).toEqual(Array.from(found, (_, n) => n))
  }
  process.kill(senderPid(dir), 'SIGTERM')
  await server.stop()
}, 180_000)

/** Applications that log with `tailrace/eventlog`, each a process of its own, and a ledger of what they logged. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { queryStream, settled } from './http.ts'
import { until } from './wait.ts'

const LIBRARY = new URL('../../../dist/client/eventlog/eventlog.js', import.meta.url).href
/** What is logged between two writes to the ledger. */
const BURST = 5

/** Logs numbered events without end, and prints the number of each that was kept. Its clock is set by `clock <ms>`. */
const PROGRAM = `
import { createEventLogger } from ${JSON.stringify(LIBRARY)}
const [dir, url, facility] = process.argv.slice(2)
const realNow = Date.now
const log = createEventLogger({ dir, url, facility })
let n = 0
const timer = setInterval(() => {
  for (let i = 0; i < ${BURST}; i++) if (log.info('tick', { n })) process.stdout.write(n++ + '\\n')
}, 5)
process.stdin.setEncoding('utf8').on('data', (text) => {
  const aheadMs = Number(/clock (-?\\d+)/.exec(text)?.[1])
  Date.now = () => realNow() + aheadMs
})
process.on('SIGTERM', () => { clearInterval(timer); log.close(); process.exit(0) })
process.on('SIGUSR2', () => { throw new Error('uncaught, as the test wants it') })
`

export class EventApplication {
  readonly facility: string
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #printed = ''

  /** `dir/spool` is the folder of events on their way; applications of one `dir` share it. */
  constructor(dir: string, url: string, facility: string) {
    this.facility = facility
    const script = join(dir, `${facility}.mjs`)
    writeFileSync(script, PROGRAM)
    const child = spawn(process.execPath, [script, join(dir, 'spool'), url, facility], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#printed = (this.#printed + text).slice(-100)
    })
    // Written to while it dies.
    child.stdin?.on('error', () => undefined)
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
    onTestFinished(() => void child.kill('SIGKILL'))
  }

  /** How many events are known to be logged. */
  get logged(): number {
    const lines = this.#printed.split('\n')
    return Number(lines.at(-2) ?? -1) + 1
  }

  setClock(aheadMs: number): void {
    this.#child.stdin?.write(`clock ${aheadMs}\n`)
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal)
    await this.#ended
  }
}

/** Resolves when each of them has logged so many more events. */
export async function progress(applications: readonly EventApplication[], events: number): Promise<void> {
  const from = applications.map(({ logged }) => logged)
  await until(
    `each application logs ${events} events more`,
    () => applications.every(({ logged }, index) => logged >= (from[index] ?? 0) + events),
    // It is told to log a thousand in a second.
    120_000 + events * 5,
  )
}

/** Process id of the sender of the applications' folder. */
export function senderOf(dir: string): number {
  return Number(readFileSync(join(dir, 'spool', 'sender.lock'), 'utf8').split(' ')[0])
}

export interface EventLedger {
  /** Logged and not stored, stored twice, or stored without ever being logged. */
  missing: string[]
  repeated: string[]
  strange: string[]
  /** Not in the order in which they were logged, by timestamp or by received time. */
  disordered: string[]
  /** Files that the sender left. */
  left: string[]
}

export const KEPT: EventLedger = { missing: [], repeated: [], strange: [], disordered: [], left: [] }

/** Compares what the applications, all ended, have logged with what the server has: `KEPT` is what it should be. */
export async function checkLedger(
  dir: string,
  url: string,
  applications: readonly EventApplication[],
): Promise<EventLedger> {
  const files = (): string[] => readdirSync(join(dir, 'spool'))
  await until('the folder is empty', () => !files().some((name) => name.endsWith('.log')), 120_000)
  await settled(url)
  const ledger: EventLedger = { ...KEPT, missing: [], repeated: [], strange: [], disordered: [] }
  for (const { facility, logged } of applications) {
    const says = (list: string[], n: number): void => void list.push(`${facility} ${n}`)
    for (const order of ['timestamp', 'received']) {
      const times = new Map<number, number>()
      let last = -1
      for await (const { attributes } of queryStream(url, `service:${facility} | sort ${order}`)) {
        const n = Number((attributes as Record<string, string>)['n'])
        if (n < last) says(ledger.disordered, n)
        last = n
        times.set(n, (times.get(n) ?? 0) + 1)
      }
      for (let n = 0; n < logged; n++) if (!times.has(n)) says(ledger.missing, n)
      for (const [n, count] of times) {
        if (count > 1) says(ledger.repeated, n)
        // Some may have been logged whose numbers did not get out any more.
        if (!(n >= 0 && n < logged + BURST)) says(ledger.strange, n)
      }
    }
  }
  return { ...ledger, left: files().filter((name) => name.startsWith('refused')) }
}

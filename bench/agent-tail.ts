import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LineChild } from './child.ts'
import { startAgent } from './agent-process.ts'
import type { BenchServer } from './server.ts'
import { quantile } from './table.ts'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
/** Longest pause between two lines. */
const PAUSE_MS_MAX = 60
/** So long for `tailrace tail` to be connected. */
const CONNECT_MS = 1500

/** Lines, as their programs write them. */
const KINDS: Readonly<Record<string, (message: string) => string>> = {
  text: (message) => `${new Date().toISOString()} INFO ${message}\n`,
  json: (message) => `${JSON.stringify({ timestamp: new Date().toISOString(), level: 'info', message })}\n`,
  // A file that has no times: every line might be followed by more of it.
  plain: (message) => `${message}\n`,
}

export interface TailDelay {
  kind: string
  lines: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

/** From the write of a line until `tailrace tail` has printed it, one line after the other. */
export async function measureTail(server: BenchServer, folder: string, lines: number): Promise<TailDelay[]> {
  mkdirSync(folder, { recursive: true })
  for (const kind of Object.keys(KINDS)) writeFileSync(join(folder, `${kind}.log`), '')
  const agent = await startAgent(server.url, [join(folder, '*.log')])
  const tail = new LineChild(process.execPath, [MAIN, 'tail', '--url', server.url, '--format', 'json', 'probe'])
  try {
    await wait(CONNECT_MS)
    const results: TailDelay[] = []
    for (const [kind, write] of Object.entries(KINDS)) {
      const delays: number[] = []
      for (let number = 0; number < lines; number++) {
        await wait(((number * 37) % 100) * (PAUSE_MS_MAX / 100))
        const message = `probe ${kind} number ${number}.`
        const line = write(message)
        const fromMs = performance.now()
        appendFileSync(join(folder, `${kind}.log`), line)
        await untilShown(tail, message)
        delays.push(performance.now() - fromMs)
      }
      const at = (share: number): number => quantile(delays, share)
      results.push({ kind, lines, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) })
    }
    return results
  } finally {
    await tail.stop()
    await agent.stop()
  }
}

async function untilShown(tail: LineChild, message: string): Promise<void> {
  for (;;) {
    const event = await tail.read<{ message?: string }>()
    if (event.message?.includes(message) === true) return
  }
}

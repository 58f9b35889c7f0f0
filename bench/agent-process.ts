import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { askAgentStatus, type AgentStatusText } from '../src/app/agent-status.ts'
import { LineChild } from './child.ts'
import { processFigures } from './process-figures.ts'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const POLL_MS = 50

/** The built agent as a process. */
export interface BenchAgent {
  pid: number
  /** From the start of the process until every file was looked at. */
  readySeconds: number
  cpuSeconds(): number
  status(): Promise<AgentStatusText>
  /** Resolves with the seconds since the start of the process when all that is in its files has been delivered. */
  caughtUp(): Promise<number>
  stop(): Promise<void>
}

export async function startAgent(url: string, paths: readonly string[]): Promise<BenchAgent> {
  const state = mkdtempSync(join(tmpdir(), 'tailrace-bench-agent-'))
  const startedMs = performance.now()
  const args = [MAIN, 'agent', '--url', url, '--state', state, '--log-level', 'warn', ...paths]
  const child = new LineChild(process.execPath, args)
  await child.read<{ ready: true }>()
  const readySeconds = (performance.now() - startedMs) / 1000
  const status = async (): Promise<AgentStatusText> => {
    const answer = await askAgentStatus(state)
    if (!answer) throw new Error('the agent has ended')
    return answer
  }
  return {
    pid: child.pid,
    readySeconds,
    status,
    cpuSeconds: () => processFigures(child.pid).cpuSeconds,
    async caughtUp() {
      for (;;) {
        const { behindBytes, files } = await status()
        if (behindBytes === 0 && files.length > 0) return (performance.now() - startedMs) / 1000
        await wait(POLL_MS)
      }
    },
    async stop() {
      await child.stop()
      rmSync(state, { recursive: true, force: true })
    },
  }
}

/** Takes whatever an agent delivers, and keeps nothing. */
export interface NullServer {
  url: string
  deliveries(): number
  close(): void
}

export async function startNullServer(): Promise<NullServer> {
  let deliveries = 0
  const server = createServer((request, response) => {
    request.resume()
    request.once('end', () => {
      const isDelivery = request.url?.includes('/events') === true
      if (isDelivery) deliveries++
      const answer = isDelivery ? { accepted: 1, repeated: false } : { taken: false }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliveries: () => deliveries,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

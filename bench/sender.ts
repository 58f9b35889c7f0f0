/**
 * A process of its own that makes its bodies in memory, says so, waits for a line on stdin, sends them over a few
 * kept-alive connections and reports. Run as: `node --import tsx bench/sender.ts '<SenderOptions as JSON>'`.
 */
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { generate, type Expected, type GenerateOptions } from './generate.ts'

export interface SenderOptions extends GenerateOptions {
  url: string
  connections: number
}

/** First line on stdout. */
export interface SenderReady {
  expected: Expected
  bodies: number
}

/** Second line on stdout. */
export interface SenderReport {
  /** From the first byte sent to the last acknowledgement. */
  seconds: number
  accepted: number
  rejected: number
  /** Answers 429 and 503; those bodies were sent again. */
  refusals: number
  /** CPU of the sender itself. */
  cpuSeconds: number
  /** Acknowledgement time of a body, ms. */
  ackMs: { p50: number; p99: number; max: number }
}

interface Answer {
  status: number
  retryAfterSeconds: number
  body: string
}

const options = JSON.parse(process.argv[2] ?? '{}') as SenderOptions
const agent = new Agent({ keepAlive: true, maxSockets: options.connections })
const target = new URL('/api/v1/ingest', options.url)

function post(body: Buffer): Promise<Answer> {
  const headers = { 'content-type': 'application/x-ndjson', 'content-length': body.length }
  return new Promise((resolve, reject) => {
    const sent = request(target, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const retryAfterSeconds = Number(response.headers['retry-after'] ?? 1)
        resolve({ status: response.statusCode ?? 0, retryAfterSeconds, body: Buffer.concat(chunks).toString() })
      })
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function sendAll(bodies: readonly Buffer[]): Promise<SenderReport> {
  const counts = { accepted: 0, rejected: 0, refusals: 0 }
  const ackMs: number[] = []
  let next = 0
  const connection = async (): Promise<void> => {
    for (let body = bodies[next++]; body; body = bodies[next++]) {
      for (;;) {
        const from = performance.now()
        const answer = await post(body)
        if (answer.status === 200) {
          ackMs.push(performance.now() - from)
          const { accepted, rejected } = JSON.parse(answer.body) as { accepted: number; rejected: unknown[] }
          counts.accepted += accepted
          counts.rejected += rejected.length
          break
        }
        if (answer.status !== 429 && answer.status !== 503) throw new Error(`${answer.status}: ${answer.body}`)
        counts.refusals++
        await wait(answer.retryAfterSeconds * 1000)
      }
    }
  }
  const cpu = process.cpuUsage()
  const from = performance.now()
  await Promise.all(Array.from({ length: options.connections }, connection))
  const seconds = (performance.now() - from) / 1000
  const used = process.cpuUsage(cpu)
  ackMs.sort((a, b) => a - b)
  const at = (share: number): number => ackMs[Math.min(ackMs.length - 1, Math.floor(ackMs.length * share))] ?? 0
  const ack = { p50: at(0.5), p99: at(0.99), max: at(1) }
  return { seconds, ...counts, cpuSeconds: (used.user + used.system) / 1e6, ackMs: ack }
}

const { bodies, expected } = generate(options)
process.stdout.write(`${JSON.stringify({ expected, bodies: bodies.length } satisfies SenderReady)}\n`)
const lines = createInterface({ input: process.stdin })
await new Promise((resolve) => lines.once('line', resolve))
lines.close()
process.stdout.write(`${JSON.stringify(await sendAll(bodies))}\n`)
agent.destroy()

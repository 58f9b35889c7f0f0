/**
 * A process of its own that submits to the event log over kept-alive connections, one request under way on each, and
 * reports. Run as: `node --import tsx bench/eventlog-sender.ts '<EventlogSenderOptions as JSON>'`.
 */
import { connect } from 'node:net'
import { quantile } from './table.ts'

export interface EventlogSenderOptions {
  url: string
  connections: number
  /** Events of one request; 1 is sent as an object. */
  eventsPerRequest: number
  seconds: number
  /** Requests a second, evenly; 0: as many as are answered. */
  requestsPerSecond: number
  facility: string
}

export interface EventlogSenderReport {
  seconds: number
  events: number
  refusals: number
  ackMs: { p50: number; p99: number; max: number }
  cpuSeconds: number
}

const options = JSON.parse(process.argv[2] ?? '{}') as EventlogSenderOptions
const { hostname, port } = new URL(options.url)
const HEAD_END = Buffer.from('\r\n\r\n')
const LENGTH = /content-length: (\d+)/i
const TEXTS = ['payment declined', 'order placed', 'user signed in', 'stock is low', 'cache miss', 'retrying upstream']

let number = 0
let events = 0
let refusals = 0
const ackMs: number[] = []
const startMs = Date.now()
const started = performance.now()
const endsAt = started + options.seconds * 1000

function event(): string {
  const n = number++
  const time = `${new Date(startMs + Math.floor(n / 1000)).toISOString().slice(0, -1)}${String(n % 1000).padStart(3, '0')}Z`
  return (
    `{"facility":"${options.facility}","timestamp":"${time}","level":"info","event":"${TEXTS[n % TEXTS.length]}",` +
    `"user-id":${n % 10_007},"request":{"id":"r-${n}","path":"/checkout/${n % 97}"}}`
  )
}

function request(): Buffer {
  const list = Array.from({ length: options.eventsPerRequest }, event)
  const body = Buffer.from(options.eventsPerRequest === 1 ? (list[0] ?? '') : `[${list.join(',')}]`)
  const head = `POST /api/v1/eventlog HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** Sends until the time is over. Resolves when its last request is answered. */
function run(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    const gapMs = options.requestsPerSecond === 0 ? 0 : (1000 * options.connections) / options.requestsPerSecond
    let dueAt = started + (gapMs * index) / options.connections
    let sentAt = 0
    let received: Buffer = Buffer.alloc(0)
    const next = (): void => {
      const now = performance.now()
      if (now >= endsAt) {
        socket.end()
        resolve()
        return
      }
      if (gapMs > 0 && now < dueAt) {
        setTimeout(next, dueAt - now)
        return
      }
      dueAt += gapMs
      const bytes = request()
      sentAt = performance.now()
      socket.write(bytes)
    }
    socket.setNoDelay(true)
    socket.once('connect', next)
    socket.once('error', reject)
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const headEnd = received.indexOf(HEAD_END)
      if (headEnd < 0) return
      const head = received.toString('latin1', 0, headEnd)
      const size = headEnd + 4 + Number(LENGTH.exec(head)?.[1] ?? 0)
      if (received.length < size) return
      received = received.subarray(size)
      ackMs.push(performance.now() - sentAt)
      if (head.startsWith('HTTP/1.1 201')) events += options.eventsPerRequest
      else refusals++
      next()
    })
  })
}

await Promise.all(Array.from({ length: options.connections }, (_, index) => run(index)))
const { user, system } = process.cpuUsage()
const report: EventlogSenderReport = {
  seconds: (performance.now() - started) / 1000,
  events,
  refusals,
  ackMs: { p50: quantile(ackMs, 0.5), p99: quantile(ackMs, 0.99), max: quantile(ackMs, 1) },
  cpuSeconds: (user + system) / 1e6,
}
process.stdout.write(`${JSON.stringify(report)}\n`)

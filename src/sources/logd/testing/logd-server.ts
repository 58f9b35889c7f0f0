/** For tests: the real source on a free port, in front of the real pipeline and rings, and a client of one socket. */
import { createSocket, type Socket } from 'node:dgram'
import { Counters } from '../../../core/counters.ts'
import { SILENT_LOGGER } from '../../../core/logger.ts'
import type { Sink } from '../../../core/sink.ts'
import { openLive, type Live, type LiveOptions } from '../../../live/live.ts'
import { createPipeline } from '../../../pipeline/pipeline.ts'
import { createReceivedClock } from '../../../pipeline/received.ts'
import {
  decodeMessage,
  encodeCommand,
  type LogdCommand,
  type LogdMessage,
  type LogdQuery,
} from '../../../wire/logd/message.ts'
import { sealPacket } from '../../../wire/logd/packet.ts'
import { BatchPool } from '../../../core/batch-pool.ts'
import { SOURCE_LIMITS, type SourceContext } from '../../source.ts'
import { MemorySink } from '../../testing/memory-sink.ts'
import { logdSource } from '../logd.ts'
import { LOGD_LIMITS, LOGD_WINDOWS, type LogdLimits, type LogdSettings } from '../settings.ts'

export const READ_SECRET = 'gold'
export const WRITE_SECRET = 'bitcoin'

export interface LogdServerOptions extends Partial<Omit<LogdSettings, 'limits'>> {
  limits?: Partial<LogdLimits>
  live?: Partial<LiveOptions>
  sinkFor?: (own: MemorySink) => SourceContext['sinkFor']
}

export interface LogdTestServer {
  port: number
  sink: MemorySink
  counters: Counters
  live: Live
  clock: TestClock
  /** What other sources write to. */
  pipeline: Sink
  /** Datagrams that were dropped for this reason. */
  dropped(reason: string): number
  close(): Promise<void>
}

/** Real time, until a test says otherwise. */
export interface TestClock {
  nowMs: () => number
}

export async function openLogdServer(options: LogdServerOptions = {}): Promise<LogdTestServer> {
  const { limits, live: liveOptions, sinkFor, ...settings } = options
  const clock: TestClock = { nowMs: () => Date.now() }
  const clockNs = (): bigint => BigInt(clock.nowMs()) * 1_000_000n
  const sink = new MemorySink()
  const counters = new Counters()
  const live = openLive({ startNs: clockNs(), ...liveOptions })
  const pipeline = createPipeline({
    spool: sink,
    publish: (batch) => live.publish(batch),
    // Batches stay in the sink for the tests to look at.
    batches: { give: () => undefined },
    received: createReceivedClock(clockNs, 0n),
    counters,
    futureSkewMaxNs: 600_000_000_000n,
    reservedService: 'tailrace.audit',
  })
  const listener = await logdSource.listen(
    {
      sinkFor: sinkFor?.(sink) ?? (() => pipeline),
      counters,
      logger: SILENT_LOGGER,
      clock: clockNs,
      batches: new BatchPool({ bytesMax: 0 }),
      hostname: 'testhost',
      limits: SOURCE_LIMITS,
      reading: live,
    },
    {
      host: '127.0.0.1',
      port: 0,
      readSecret: READ_SECRET,
      writeSecret: WRITE_SECRET,
      isInsecure: false,
      windows: LOGD_WINDOWS,
      keyOf: () => undefined,
      ...settings,
      limits: { ...LOGD_LIMITS, ...limits },
    },
  )
  return {
    port: Number(listener.address.split(':').at(-1)),
    sink,
    counters,
    live,
    clock,
    pipeline,
    dropped: (reason) => counters.total('logd_dropped_total', { reason }),
    async close() {
      await listener.close()
      live.close()
    },
  }
}

/** A packet of layout v1, made now. */
export function packetOf(command: LogdCommand, more: { secret?: string; timeNs?: bigint } = {}): Buffer {
  const secret = more.secret ?? (command.name === 'write' ? WRITE_SECRET : READ_SECRET)
  return sealPacket({ layout: 'v1', secret, timeNs: more.timeNs ?? nowNs(), payload: encodeCommand(command) })
}

let lastNs = 0n

/** Now, never the same twice. */
export function nowNs(): bigint {
  const ns = BigInt(Date.now()) * 1_000_000n
  lastNs = ns > lastNs ? ns : lastNs + 1n
  return lastNs
}

export interface LogdTestClient {
  readonly received: LogdMessage[]
  readonly bytes: number
  send(packet: Uint8Array): Promise<void>
  write(text: string, message?: Partial<LogdMessage>): Promise<void>
  /** Sends one of the reading commands. */
  ask(name: 'tail' | 'ping' | 'query', query?: LogdQuery): Promise<void>
  /** Texts of what was received, the server's own words included. */
  texts(): string[]
  close(): Promise<void>
}

export async function openLogdClient(port: number): Promise<LogdTestClient> {
  const socket: Socket = createSocket('udp4')
  const received: LogdMessage[] = []
  let bytes = 0
  socket.on('message', (datagram) => {
    bytes += datagram.length
    const message = decodeMessage(datagram)
    if (message) received.push(message)
  })
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve))
  socket.setRecvBufferSize(4 * 1024 * 1024)
  const send = (packet: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(packet, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()))
    })
  return {
    received,
    get bytes() {
      return bytes
    },
    send,
    write: (text, message = {}) =>
      send(
        packetOf({
          name: 'write',
          message: { timeNs: nowNs(), level: 'info', key: '/test/app', text, ...message },
        }),
      ),
    ask: (name, query) => send(packetOf({ name, ...(query ? { query } : {}) })),
    texts: () => received.map(({ text }) => text),
    close: () => new Promise((resolve) => void socket.close(resolve)),
  }
}

/** Waits for a condition, at most ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

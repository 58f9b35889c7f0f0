/** For tests: the real source on a free port or a socket file, in front of a sink in memory, and a raw client. */
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { BatchPool } from '../../../core/batch-pool.ts'
import { Counters } from '../../../core/counters.ts'
import { SILENT_LOGGER } from '../../../core/logger.ts'
import { OPEN_PRINCIPAL } from '../../../core/principal.ts'
import { openLive } from '../../../live/live.ts'
import type { StreamAddress } from '../../../net/stream-listener.ts'
import { MsgpackCursor } from '../../../wire/msgpack/cursor.ts'
import { UNFINISHED, ValueScanner } from '../../../wire/msgpack/scanner.ts'
import { readValue, type MsgpackValue } from '../../../wire/msgpack/value.ts'
import { SOURCE_LIMITS, type SourceContext, type SourceListener } from '../../source.ts'
import { MemorySink } from '../../testing/memory-sink.ts'
import { AUDIT_AGENTS, AuditAgents } from '../agents.ts'
import { forwardSource } from '../forward.ts'
import { FORWARD_LIMITS, type ForwardLimits, type ForwardSettings } from '../settings.ts'

export interface ForwardServerOptions extends Partial<Omit<ForwardSettings, 'limits' | 'address'>> {
  address?: StreamAddress
  limits?: Partial<ForwardLimits>
  /** Others than its own. */
  sink?: MemorySink
  counters?: Counters
  sinkFor?: (own: MemorySink) => SourceContext['sinkFor']
  /** Of an earlier server. */
  recentValues?: SourceContext['recentValues']
}

export interface ForwardTestServer {
  address: string
  port: number
  sink: MemorySink
  counters: Counters
  agents: AuditAgents
  /** Milliseconds since 1970, for agents and chunks. */
  clock: { nowMs: () => number }
  listener: SourceListener
  rejected(reason: string): number
  closed(reason: string): number
  close(): Promise<void>
}

export async function openForwardServer(options: ForwardServerOptions = {}): Promise<ForwardTestServer> {
  const {
    limits,
    sinkFor,
    recentValues = () => Promise.resolve([]),
    sink = new MemorySink(),
    counters = new Counters(),
    ...settings
  } = options
  const clock = { nowMs: () => Date.now() }
  const agents = new AuditAgents({ ...AUDIT_AGENTS, clock: () => clock.nowMs() })
  const live = openLive({ startNs: 1n })
  const listener = await forwardSource.listen(
    {
      sinkFor: sinkFor?.(sink) ?? (() => sink),
      counters,
      logger: SILENT_LOGGER,
      clock: () => BigInt(clock.nowMs()) * 1_000_000n,
      batches: new BatchPool({ bytesMax: 0 }),
      hostname: 'testhost',
      limits: SOURCE_LIMITS,
      recentValues,
      reading: live,
    },
    {
      address: { protocol: 'tcp', host: '127.0.0.1', port: 0 },
      sharedKey: '',
      isInsecure: false,
      openPrincipal: () => OPEN_PRINCIPAL,
      keyOf: () => undefined,
      agents,
      ...settings,
      limits: { ...FORWARD_LIMITS, ...limits },
    },
  )
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await listener.close()
    live.close()
  }
  return {
    address: listener.address,
    port: Number(listener.address.split(':').at(-1)),
    sink,
    counters,
    agents,
    clock,
    listener,
    rejected: (reason) => counters.total('ingest_rejected_total', { source: 'forward', reason }),
    closed: (reason) => counters.total('forward_connections_closed_total', { reason }),
    close: () => (closing ??= close()),
  }
}

/** A connection that sends any bytes, and reads the values that come back. */
export class RawClient {
  readonly socket: Socket
  readonly received: MsgpackValue[] = []
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>
  /** Resolves when something has come back, or the connection is over. */
  readonly answered: Promise<void>
  #rest = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    this.answered = new Promise((resolve) => {
      socket.once('data', () => setImmediate(resolve))
      socket.once('close', () => resolve())
    })
    // That it was closed is what tests wait for.
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      for (;;) {
        const end = new ValueScanner({ depthMax: 8, bytesMax: 65_536 }).end(this.#rest, 0, this.#rest.length)
        if (end === UNFINISHED) break
        this.received.push(readValue(new MsgpackCursor().move(this.#rest, 0)))
        this.#rest = this.#rest.subarray(end)
      }
    })
  }

  /** Resolves when the kernel has it. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => void this.socket.write(bytes, () => resolve()))
  }

  /** What was acknowledged. */
  acks(): MsgpackValue[] {
    return this.received.flatMap((value) => (value instanceof Map ? [value.get('ack') ?? null] : []))
  }
}

export async function openRawClient(where: NetConnectOpts): Promise<RawClient> {
  const socket = connect(where)
  await once(socket, 'connect')
  return new RawClient(socket)
}

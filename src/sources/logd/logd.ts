import { NS_PER_MS } from '../../core/time.ts'
import type { Counter } from '../../core/counters.ts'
import { ArrivalClock } from '../../net/arrival-clock.ts'
import { formatHostPort } from '../../net/listen-address.ts'
import { openUdp, type UdpListener } from '../../net/udp.ts'
import { COMMANDS } from '../../wire/logd/fields.ts'
import { decodeCommand } from '../../wire/logd/message.ts'
import { LogdRowWriter } from '../../wire/logd/row-writer.ts'
import type { ListenContext, ListeningSource } from '../source.ts'
import { Admission, type Sender } from './admission.ts'
import { Intake } from './intake.ts'
import { Outlets } from './outlet.ts'
import { Queries } from './queries.ts'
import { DROP_REASONS, type DropReason, type LogdSettings } from './settings.ts'
import { Tails } from './tails.ts'

const NAME = 'logd'
const WRITE = COMMANDS.indexOf('write')
/** Bytes on their way to the kernel. */
const SEND_QUEUE_BYTES_MAX = 1024 * 1024
/** Senders whose host is remembered. */
const HOSTS_KNOWN_MAX = 1000

/** Signed packets over UDP, after logd: docs/sources/logd.md. */
export const logdSource: ListeningSource<LogdSettings> = {
  name: NAME,
  async listen(context, settings) {
    const server = new LogdServer(context, settings)
    const address = await server.open()
    return { address, close: () => server.close() }
  },
}

/** One listener: decides about every datagram at once, in the order in which they come. */
class LogdServer {
  readonly #context: ListenContext
  readonly #settings: LogdSettings
  readonly #nowMs: () => number
  readonly #admission: Admission
  readonly #rows = new LogdRowWriter()
  readonly #intake: Intake
  readonly #tails: Tails
  readonly #queries: Queries
  readonly #outlets: Outlets
  readonly #dropped: Readonly<Record<DropReason, Counter>>
  readonly #bytes: Counter
  readonly #source = Buffer.from(NAME)
  readonly #hosts = new Map<string, Buffer>()
  #arrival: ArrivalClock | undefined
  #udp: UdpListener | undefined
  #sweeper: NodeJS.Timeout | undefined
  #kernelDrops = 0
  #isClosing = false

  constructor(context: ListenContext, settings: LogdSettings) {
    const { limits } = settings
    const { counters, logger, reading, clock } = context
    this.#context = context
    this.#settings = settings
    this.#nowMs = () => Number(clock() / NS_PER_MS)
    // Times of packets are exact to 256 ns: one of this very millisecond may seem to be just before it.
    this.#admission = new Admission(settings, this.#nowMs() - 1)
    this.#intake = new Intake({ name: NAME, context, limits, drop: (reason, events) => this.#drop(reason, events) })
    this.#outlets = new Outlets({
      send: (bytes, address, port) => this.#udp?.send(bytes, address, port) ?? false,
      limits,
      nowMs: steadyMs,
      sent: counters.counter('logd_answers_total'),
      sentBytes: counters.counter('logd_answer_bytes_total'),
    })
    this.#tails = new Tails({ reading, limits, counters, logger, nowMs: steadyMs })
    this.#queries = new Queries({ reading, limits, counters, logger, intake: this.#intake })
    const dropped = DROP_REASONS.map((reason) => [reason, counters.counter('logd_dropped_total', { reason })])
    this.#dropped = Object.fromEntries(dropped) as Record<DropReason, Counter>
    this.#bytes = counters.counter('ingest_bytes_total', { source: NAME })
  }

  /** Resolves with the address once it listens. */
  async open(): Promise<string> {
    const { host, port, limits } = this.#settings
    const arrival = new ArrivalClock(this.#nowMs, limits.arrivalWaitMsMax)
    this.#arrival = arrival
    try {
      this.#udp = await openUdp({
        host,
        port,
        receiveBufferBytes: limits.receiveBufferBytes,
        sendQueueBytesMax: SEND_QUEUE_BYTES_MAX,
        onPacket: (bytes, address, from) => this.#take(bytes, address, from, arrival),
        bulk: arrival,
      })
    } catch (error) {
      arrival.close()
      throw error
    }
    this.#sweeper = setInterval(() => void this.#sweep(), limits.sweepMs)
    this.#sweeper.unref()
    return formatHostPort(this.#udp.host, this.#udp.port)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#sweeper)
    await this.#sweep()
    this.#tails.close()
    this.#queries.close()
    this.#outlets.close()
    await this.#udp?.close()
    this.#arrival?.close()
    await this.#intake.settle()
  }

  #take(packet: Buffer, address: string, port: number, arrival: ArrivalClock): void {
    // Reading the clock costs: once for all that one turn brings does, but for what seems to be ahead of it.
    let nowMs = arrival.turnMs
    let reason = this.#refusal(packet, address, port, nowMs, arrival.arrivedSince(nowMs))
    if (reason === 'future') {
      nowMs = this.#nowMs()
      reason = this.#refusal(packet, address, port, nowMs, nowMs)
    }
    if (!reason) return
    this.#drop(reason, 1)
    const example = `packet of ${packet.length} bytes from ${address}`
    this.#context.counters.keepExample('ingest_rejected_total', { source: NAME, reason }, example)
  }

  /** Does what the packet asks for, or says why not. */
  #refusal(packet: Buffer, address: string, port: number, nowMs: number, arrivedMs: number): DropReason | undefined {
    const admission = this.#admission
    const reason = admission.refuse(packet, address, nowMs, arrivedMs)
    if (reason) return reason
    const { sender } = admission
    if (!sender) return 'signature'
    const rows = this.#rows
    const { payloadAt } = admission.header
    if (!rows.read(packet, payloadAt)) return 'decode'
    if (rows.command === WRITE) return sender.canWrite ? this.#write(packet, address, sender) : 'signature'
    return sender.canRead ? this.#answer(packet.subarray(payloadAt), address, port, sender) : 'signature'
  }

  #write(packet: Buffer, address: string, sender: Sender): DropReason | undefined {
    const rows = this.#rows
    if (!rows.hasMessage) return 'decode'
    if (!rows.isKeyFit) return 'key'
    if (this.#intake.isFull || this.#isClosing) return 'overload'
    const batch = this.#intake.batchOf(sender)
    rows.write(batch, this.#hostOf(address), this.#source)
    this.#bytes.add(packet.length)
    this.#intake.written(batch)
    return undefined
  }

  #answer(payload: Buffer, address: string, port: number, sender: Sender): DropReason | undefined {
    const command = decodeCommand(payload)
    if (!command) return 'decode'
    const { name, query = {} } = command
    if (name === 'ping') {
      const outlet = this.#outlets.known(address, port)
      if (outlet) this.#tails.ping(outlet, sender)
      return undefined
    }
    const outlet = this.#outlets.of(address, port)
    if (!outlet || this.#isClosing) return 'overload'
    return (name === 'tail' ? this.#tails : this.#queries).start(outlet, sender, query) ? undefined : 'overload'
  }

  #drop(reason: DropReason, count: number): void {
    this.#dropped[reason].add(count)
    this.#context.counters.add('ingest_rejected_total', { source: NAME, reason }, count)
  }

  async #sweep(): Promise<void> {
    this.#tails.sweep()
    this.#outlets.sweep()
    const drops = (await this.#udp?.kernelDrops()) ?? 0
    if (drops > this.#kernelDrops) {
      this.#context.counters.add('logd_kernel_dropped_total', {}, drops - this.#kernelDrops)
      this.#kernelDrops = drops
    }
  }

  /** Host of events from this address, as rows have it: on loopback it is this machine. */
  #hostOf(address: string): Buffer {
    const known = this.#hosts.get(address)
    if (known) return known
    const plain = address.startsWith('::ffff:') ? address.slice(7) : address
    const isHere = plain === '::1' || plain.startsWith('127.')
    const host = Buffer.from(isHere ? this.#context.hostname : plain)
    if (this.#hosts.size >= HOSTS_KNOWN_MAX) this.#hosts.clear()
    this.#hosts.set(address, host)
    return host
  }
}

/** Waits and rates are measured on a clock that nobody sets. */
function steadyMs(): number {
  return performance.now()
}

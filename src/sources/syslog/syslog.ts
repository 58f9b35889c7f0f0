import type { Socket } from 'node:net'
import { EXAMPLE_CHARS_MAX } from '../../core/counters.ts'
import { NS_PER_SECOND } from '../../core/time.ts'
import { formatHostPort } from '../../net/listen-address.ts'
import { openStream } from '../../net/stream-listener.ts'
import { openUdp } from '../../net/udp.ts'
import { SyslogFraming } from '../../wire/syslog/framing.ts'
import { SyslogRows } from '../../wire/syslog/syslog-rows.ts'
import { eventDefaults, type EventDefaults } from '../../wire/transcode/row-writer.ts'
import { senderHost } from '../sender-host.ts'
import type { ListenContext, ListeningSource, SourceListener } from '../source.ts'
import { Intake } from './intake.ts'
import type { SyslogReason, SyslogSettings } from './settings.ts'

const NAME = 'syslog'
/** Nothing is ever sent. */
const SEND_QUEUE_BYTES_MAX = 0

/** What it needs of all that a listening source may touch. */
export type SyslogContext = Pick<
  ListenContext,
  'sinkFor' | 'batches' | 'counters' | 'logger' | 'clock' | 'hostname' | 'limits'
>

/** Messages of RFC 5424 and RFC 3164 over UDP, TCP, TLS and sockets in the file system: docs/sources/syslog.md. */
export const syslogSource = {
  name: NAME,
  listen: (context: SyslogContext, settings: SyslogSettings): Promise<SourceListener> => {
    const server = new SyslogServer(context, settings)
    return settings.address.protocol === 'udp' ? server.openUdp(settings.address) : server.openStream(settings.address)
  },
} satisfies ListeningSource<SyslogSettings>

/** One address. */
class SyslogServer {
  readonly #context: SyslogContext
  readonly #settings: SyslogSettings
  readonly #intake: Intake
  readonly #rows: SyslogRows
  readonly #connections = new Map<Socket, SyslogFraming>()
  readonly #senders = new Map<string, EventDefaults>()

  constructor(context: SyslogContext, settings: SyslogSettings) {
    this.#context = context
    this.#settings = settings
    const { limits, timeZone } = settings
    this.#rows = new SyslogRows(timeZone, context.limits.event.keysMax)
    this.#intake = new Intake({ name: NAME, context, limits, drop: (events) => this.#reject('refused', events) })
  }

  async openUdp({ host, port }: { host: string; port: number }): Promise<SourceListener> {
    const { counters } = this.#context
    const { limits, allows } = this.#settings
    const bytes = counters.counter('ingest_bytes_total', { source: NAME })
    const udp = await openUdp({
      host,
      port,
      receiveBufferBytes: limits.receiveBufferBytes,
      sendQueueBytesMax: SEND_QUEUE_BYTES_MAX,
      onPacket: (packet, address) => {
        if (!allows(address)) return this.#reject('address', 1, `message from ${address}`)
        if (this.#intake.isFull) return this.#reject('overload', 1, `message from ${address}`)
        bytes.add(packet.length)
        const cutBytes = Math.max(0, packet.length - limits.messageBytesMax)
        this.#take(packet, 0, packet.length - cutBytes, cutBytes, this.#senderOf(address))
      },
    })
    let dropped = 0
    const sweep = async (): Promise<void> => {
      const drops = await udp.kernelDrops()
      if (drops > dropped) counters.add('syslog_kernel_dropped_total', {}, drops - dropped)
      dropped = drops
    }
    const sweeper = setInterval(() => void sweep(), limits.sweepMs)
    sweeper.unref()
    return {
      address: formatHostPort(udp.host, udp.port),
      close: async () => {
        clearInterval(sweeper)
        await sweep()
        await udp.close()
        await this.#intake.close()
      },
    }
  }

  async openStream(address: Exclude<SyslogSettings['address'], { protocol: 'udp' }>): Promise<SourceListener> {
    const { counters } = this.#context
    const { limits, tls } = this.#settings
    const stream = await openStream({
      address,
      tls: tls?.material,
      connectionsMax: limits.connectionsMax,
      onRefused: () => counters.add('syslog_connections_refused_total'),
      handshakeMs: limits.handshakeMs,
      onHandshakeFailed: () => counters.add('tls_handshakes_failed_total', { reason: NAME }),
      unixMode: limits.unixMode,
      onConnection: (socket) => this.#connect(socket),
    })
    tls?.attach(stream)
    return {
      address: stream.address,
      close: async () => {
        const closed = stream.close()
        for (const [socket, framing] of this.#connections) {
          framing.end()
          socket.destroy()
        }
        await this.#intake.close()
        await closed
      },
    }
  }

  #connect(socket: Socket): void {
    // That it is over is told by `close`.
    socket.on('error', () => undefined)
    const { counters } = this.#context
    const address = socket.remoteAddress ?? ''
    if (this.#settings.address.protocol !== 'unix' && !this.#settings.allows(address)) {
      this.#reject('address', 1, `connection from ${address}`)
      socket.destroy()
      return
    }
    if (!this.#settings.principal()) {
      this.#reject('key', 1, `connection from ${address}`)
      socket.destroy()
      return
    }
    counters.add('syslog_connections_total')
    const sender = this.#senderOf(address || '127.0.0.1')
    const bytes = counters.counter('ingest_bytes_total', { source: NAME })
    let isEnded = false
    const framing = new SyslogFraming(this.#settings.limits.messageBytesMax, (message, from, to, cutBytes) => {
      isEnded ||= !this.#take(message, from, to, cutBytes, sender)
    })
    this.#connections.set(socket, framing)
    socket.on('data', (chunk: Buffer) => {
      bytes.add(chunk.length)
      framing.push(chunk)
      // A sender that is cut off keeps what it has; one that is read on would lose it.
      if (isEnded) socket.destroy()
      if (isEnded || !this.#intake.isFull) return
      socket.pause()
      this.#intake.onRoom(() => void socket.resume())
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      // What came of a message that was not finished is better than nothing of it.
      framing.end()
      this.#connections.delete(socket)
    })
  }

  /** False when there is nobody on whose behalf it could be taken. */
  #take(bytes: Buffer, from: number, to: number, cutBytes: number, sender: EventDefaults): boolean {
    const principal = this.#settings.principal()
    if (!principal) {
      this.#reject('key', 1, excerpt(bytes, from, to))
      return false
    }
    const nowSeconds = Number(this.#context.clock() / NS_PER_SECOND)
    const batch = this.#intake.batchOf(principal)
    if (!this.#rows.write(bytes, from, to, batch, sender, { nowSeconds, cutBytes })) {
      this.#reject('empty', 1, excerpt(bytes, from, to))
      return true
    }
    if (cutBytes > 0) this.#context.counters.add('syslog_cut_total')
    this.#intake.written(batch)
    return true
  }

  #reject(reason: SyslogReason, count: number, example?: string): void {
    const { counters } = this.#context
    const labels = { source: NAME, reason }
    counters.add('ingest_rejected_total', labels, count)
    if (example !== undefined) counters.keepExample('ingest_rejected_total', labels, example)
  }

  /** Fields of events from this address that do not say otherwise. */
  #senderOf(address: string): EventDefaults {
    const known = this.#senders.get(address)
    if (known) return known
    const sender = eventDefaults({ host: senderHost(address, this.#context.hostname), source: NAME })
    if (this.#senders.size >= this.#settings.limits.sendersMax) this.#senders.clear()
    this.#senders.set(address, sender)
    return sender
  }
}

/** The beginning of a message, for an example. */
function excerpt(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('utf8', from, Math.min(to, from + EXAMPLE_CHARS_MAX))
}

/** For tests: the real source on a free port or a socket file, in front of a sink in memory. */
import { createSocket } from 'node:dgram'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { BatchPool } from '../../../core/batch-pool.ts'
import { Counters } from '../../../core/counters.ts'
import { SILENT_LOGGER } from '../../../core/logger.ts'
import { OPEN_PRINCIPAL } from '../../../core/principal.ts'
import { SOURCE_LIMITS, type SourceListener } from '../../source.ts'
import { MemorySink } from '../../testing/memory-sink.ts'
import { SYSLOG_LIMITS, type SyslogLimits, type SyslogSettings } from '../settings.ts'
import { syslogSource } from '../syslog.ts'

export interface SyslogServerOptions extends Partial<Omit<SyslogSettings, 'limits'>> {
  limits?: Partial<SyslogLimits>
  /** Others than its own. */
  sink?: MemorySink
  counters?: Counters
}

export interface SyslogTestServer {
  listener: SourceListener
  port: number
  sink: MemorySink
  counters: Counters
  rejected(reason: string): number
  close(): Promise<void>
}

/** 2026-11-21T12:00:00Z */
export const TEST_CLOCK_NS = 1_795_262_400_000_000_000n

export async function openSyslogServer(options: SyslogServerOptions = {}): Promise<SyslogTestServer> {
  const { limits, sink = new MemorySink(), counters = new Counters(), ...settings } = options
  const listener = await syslogSource.listen(
    {
      sinkFor: () => sink,
      counters,
      logger: SILENT_LOGGER,
      clock: () => TEST_CLOCK_NS,
      batches: new BatchPool({ bytesMax: 0 }),
      hostname: 'testhost',
      limits: SOURCE_LIMITS,
    },
    {
      address: { protocol: 'tcp', host: '127.0.0.1', port: 0 },
      principal: () => OPEN_PRINCIPAL,
      allows: () => true,
      timeZone: 'UTC',
      ...settings,
      limits: { ...SYSLOG_LIMITS, ...limits },
    },
  )
  return {
    listener,
    port: Number(listener.address.split(':').at(-1)),
    sink,
    counters,
    rejected: (reason) => counters.total('ingest_rejected_total', { source: 'syslog', reason }),
    close: () => listener.close(),
  }
}

/** However it was closed: `once` of node:events would reject after a reset. */
export function hasClosed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  return new Promise((resolve) => void socket.once('close', () => resolve()))
}

/** Sends everything on a connection of its own. Resolves when the server has closed it, and so has read all of it. */
export async function sendStream(where: NetConnectOpts, bytes: Uint8Array | string): Promise<void> {
  const socket = connect(where)
  const closed = hasClosed(socket)
  socket.resume()
  socket.end(bytes)
  await closed
}

/** Resolves when the kernel has it. */
export async function sendDatagram(port: number, bytes: Uint8Array | string): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.send(bytes, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()))
  })
  socket.close()
}

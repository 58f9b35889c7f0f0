import type { FloodResult } from './logd.ts'
import type { PiecesResult } from './logd-pieces.ts'
import { row } from './report.ts'
import { figure, table } from './table.ts'

const HEADING = ['measured', 'target', 'reached']

export function floodTable(flood: FloodResult): string {
  const { sender, kernel, options, query } = flood
  const total = flood.serverCpuUs + flood.engineCpuUs
  const dropped = Object.entries(flood.dropped).map(([reason, count]) =>
    row(`dropped by the server: ${reason}`, count, ''),
  )
  return table([
    [`logd, layout ${options.layout}, ${figure(options.textBytes)} bytes of text`, ...HEADING],
    row('sent', sender.sent, `packets of ${sender.packetBytes} bytes`),
    row('over', sender.seconds, 's'),
    row('rate', sender.sent / sender.seconds, 'packets/s', { limit: 60_000 * 0.999, isMin: true }),
    row('sender behind its pace at most', sender.lateMsMax, 'ms'),
    row('not taken by the kernel', sender.failed, 'packets'),
    row('accepted', flood.accepted, 'events'),
    row('stored', flood.stored, 'events', { limit: sender.sent, isMin: true }),
    row('lost', sender.sent - flood.stored, 'packets', { limit: 0 }),
    row('kernel: receive buffer full', kernel.receiveBufferErrors, 'packets', { limit: 0 }),
    row('kernel: nobody listening', kernel.noPorts, 'packets'),
    ...dropped,
    row('all stored after', flood.storedSeconds, 's'),
    row('CPU server', flood.serverCpuUs, 'µs/packet'),
    row('CPU engine', flood.engineCpuUs, 'µs/packet'),
    row('CPU server + engine', total, 'µs/packet', { limit: 12 }),
    row('CPU sender', (sender.cpuSeconds * 1e6) / sender.sent, 'µs/packet'),
    row('peak resident, server', flood.serverPeakBytes / 1024 / 1024, 'MiB'),
    row('event loop delay p99', flood.eventLoopDelayP99Ms ?? NaN, 'ms'),
    row(`query of the newest ${figure(query.found)} of a key, median`, query.medianMs, 'ms', { limit: 20 }),
    row('the same, slowest', query.maxMs, 'ms'),
  ])
}

export function piecesTable({ ringAppendUs, call, laterUs }: PiecesResult): string {
  return table([
    ['pieces', ...HEADING],
    row('ring append', ringAppendUs, 'µs/event', { limit: 1 }),
    ...call.map(({ name, us }) => row(`client call with ${name}`, us, 'µs', { limit: 5 })),
    row('client, after the call: signing and socket', laterUs, 'µs/message'),
  ])
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { formatSize } from '../src/core/units.ts'
import type { LatencyResult, Percentiles } from './latency.ts'
import type { LoadResult } from './load.ts'
import type { QueryResult } from './queries.ts'
import { figure, table } from './table.ts'

const RESULTS = fileURLToPath(new URL('results', import.meta.url))

export interface Machine {
  cpu: string
  cores: number
  memoryBytes: number
  platform: string
  node: string
}

export function machine(): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  }
}

export function machineText({ cpu, cores, memoryBytes, platform, node }: Machine, engine: string | null): string {
  return `${cpu}, ${cores} cores, ${formatSize(memoryBytes)}, ${platform}, node ${node}, engine ${engine ?? 'unknown'}`
}

/** A target and whether it was reached. */
export function row(name: string, value: number, unit: string, target?: { limit: number; isMin?: boolean }): string[] {
  if (!target) return [name, `${figure(value)} ${unit}`, '', '']
  const isReached = target.isMin ? value >= target.limit : value <= target.limit
  return [
    name,
    `${figure(value)} ${unit}`,
    `${target.isMin ? '≥' : '≤'} ${figure(target.limit)}`,
    isReached ? 'yes' : 'NO',
  ]
}

const mib = (bytes: number): number => bytes / 1024 / 1024

export function loadTable(load: LoadResult): string {
  const { sender, expected } = load
  const total = load.serverCpuUs + load.engineCpuSettledUs
  return table([
    ['load', 'measured', 'target', 'reached'],
    row('events', expected.events, `of ${figure(expected.bytes / expected.events)} bytes`),
    row('accepted', load.eventsPerSecond, 'events/s', { limit: 450_000, isMin: true }),
    row('acknowledgement of a body, p50', sender.ackMs.p50, 'ms'),
    row('acknowledgement of a body, p99', sender.ackMs.p99, 'ms'),
    row('bodies refused and sent again', sender.refusals, ''),
    row('all stored after', load.storedSeconds, 's'),
    row('CPU server', load.serverCpuUs, 'µs/event'),
    row('CPU engine until stored', load.engineCpuUs, 'µs/event'),
    row('CPU engine after merges', load.engineCpuSettledUs, 'µs/event'),
    row('CPU server + engine', total, 'µs/event', { limit: 3 }),
    row('CPU sender', load.senderCpuUs, 'µs/event'),
    row('peak resident, server', mib(load.serverPeakBytes), 'MiB'),
    row('peak resident, engine', mib(load.enginePeakBytes), 'MiB'),
    row('peak resident, both', mib(load.serverPeakBytes + load.enginePeakBytes), 'MiB', { limit: 600e6 / 1024 / 1024 }),
    row(`on disk${load.isSettled ? '' : ' (still merging)'}`, load.diskBytesPerEvent, 'bytes/event', { limit: 36 }),
    row('event loop delay p99', load.eventLoopDelayP99Ms ?? NaN, 'ms', { limit: 50 }),
  ])
}

export function queryTable(results: readonly QueryResult[]): string {
  const heading = ['query', 'min ms', 'median ms', 'store ms', 'rows read', 'found', 'right', '≤ 100 ms']
  const rows = results.map((result) => [
    result.name,
    result.minMs,
    result.medianMs,
    result.storeMs,
    result.rowsRead,
    result.found,
    result.isRight ? 'yes' : `NO, ${result.wanted}`,
    result.medianMs <= 100 ? 'yes' : 'NO',
  ])
  return table([heading, ...rows])
}

function latencyRow(name: string, { p50, p99, max }: Percentiles, limitMs?: number): (string | number)[] {
  const target = limitMs === undefined ? ['', ''] : [`p99 ≤ ${limitMs}`, p99 <= limitMs ? 'yes' : 'NO']
  return [name, p50, p99, max, ...target]
}

export function latencyTable(result: LatencyResult): string {
  return table([
    [`latency of ${result.events} single events`, 'p50 ms', 'p99 ms', 'max ms', 'target', 'reached'],
    latencyRow('sent → acknowledged', result.ack),
    latencyRow('acknowledged → in a tail', result.tail, 100),
    latencyRow('acknowledged → searchable', result.searchable, 1000),
  ])
}

/** Writes `bench/results/<name>-<time>.json` and returns its path. */
export function saveResult(name: string, result: object): string {
  mkdirSync(RESULTS, { recursive: true })
  const at = new Date().toISOString().replaceAll(':', '').slice(0, 17)
  const path = `${RESULTS}/${name}-${at}.json`
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`)
  return path
}

import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { LineChild } from './child.ts'
import type { Expected } from './generate.ts'
import type { SenderOptions, SenderReady, SenderReport } from './sender.ts'
import type { BenchServer } from './server.ts'

const SENDER = fileURLToPath(new URL('sender.ts', import.meta.url))
/** Parts count as settled when the engine rested and the size stood still this long. */
const SETTLED_MS = 3000
const SETTLE_MS_MAX = 120_000
/** Share of one core below which the engine counts as resting. */
const REST_SHARE = 0.08

export interface LoadResult {
  expected: Expected
  sender: SenderReport
  eventsPerSecond: number
  /** From the first byte sent until every event was in the store. */
  storedSeconds: number
  /** µs of CPU per event until everything was stored. */
  serverCpuUs: number
  engineCpuUs: number
  /** The same until merges had ended. */
  engineCpuSettledUs: number
  senderCpuUs: number
  serverPeakBytes: number
  enginePeakBytes: number
  diskBytesPerEvent: number
  /** False when merges had not ended in time: then the size may still fall. */
  isSettled: boolean
  eventLoopDelayP99Ms: number | undefined
}

/** Sends the events from a process of its own, waits until they are stored and merged, and measures all along. */
export async function runLoad(server: BenchServer, options: SenderOptions): Promise<LoadResult> {
  const sender = new LineChild(process.execPath, ['--import', 'tsx', SENDER, JSON.stringify(options)])
  try {
    const { expected } = await sender.read<SenderReady>()
    const before = server.figures()
    const rowsBefore = (await server.status()).store.rows
    await server.eventLoopDelayMs()
    const from = performance.now()
    sender.write('go')
    const report = await sender.read<SenderReport>()
    const eventLoopDelayP99Ms = await server.eventLoopDelayMs()
    await untilStored(server, rowsBefore + expected.events)
    const storedSeconds = (performance.now() - from) / 1000
    const stored = server.figures()
    const { bytesOnDisk, rows, isSettled } = await untilSettled(server)
    const settled = server.figures()
    const perEvent = (seconds: number): number => (seconds * 1e6) / expected.events
    return {
      expected,
      sender: report,
      eventsPerSecond: report.accepted / report.seconds,
      storedSeconds,
      serverCpuUs: perEvent(stored.server.cpuSeconds - before.server.cpuSeconds),
      engineCpuUs: perEvent(stored.engine.cpuSeconds - before.engine.cpuSeconds),
      engineCpuSettledUs: perEvent(settled.engine.cpuSeconds - before.engine.cpuSeconds),
      senderCpuUs: perEvent(report.cpuSeconds),
      serverPeakBytes: settled.server.peakResidentBytes,
      enginePeakBytes: settled.engine.peakResidentBytes,
      diskBytesPerEvent: bytesOnDisk / rows,
      isSettled,
      eventLoopDelayP99Ms,
    }
  } finally {
    await sender.stop()
  }
}

async function untilStored(server: BenchServer, rows: number): Promise<void> {
  for (;;) {
    const { store, spool } = await server.status()
    if (spool.pendingRows === 0 && store.rows >= rows) return
    await wait(50)
  }
}

async function untilSettled(server: BenchServer): Promise<{ bytesOnDisk: number; rows: number; isSettled: boolean }> {
  const deadline = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const before = server.figures().engine.cpuSeconds
    const { bytesOnDisk } = (await server.status()).store
    await wait(SETTLED_MS)
    const { store } = await server.status()
    const share = (server.figures().engine.cpuSeconds - before) / (SETTLED_MS / 1000)
    const isSettled = share < REST_SHARE && store.bytesOnDisk === bytesOnDisk
    if (isSettled || performance.now() > deadline) return { ...store, isSettled }
  }
}

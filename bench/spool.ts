/**
 * What the spool alone costs: CPU per event of writing (checksum, writev, fdatasync, rename) and of reading back before
 * a load, without a store. `node --import tsx bench/spool.ts [million events] [bytes per batch]`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventBatch, ROW_RECEIVED } from '../src/core/batch.ts'
import { Counters } from '../src/core/counters.ts'
import { AppError } from '../src/core/errors.ts'
import { SILENT_LOGGER } from '../src/core/logger.ts'
import { openSpool } from '../src/spool/spool.ts'

const PRODUCERS = 4
const ROUNDS = 5
const events = Number(process.argv[2] ?? 4) * 1e6
const batchBytes = Number(process.argv[3] ?? 256 * 1024)

/** Rows of about 200 bytes. */
function filled(): EventBatch {
  const batch = new EventBatch(batchBytes + 1024)
  while (batch.length < batchBytes) {
    const at = batch.length
    const message = 'request served in 12 ms for user 123456 with status 200 '.padEnd(100, 'x')
    batch.append({
      message,
      service: 'api',
      host: 'host-17',
      attributes: new Map([
        ['status', '200'],
        ['user_id', '42'],
        ['duration_ms', '12'],
      ]),
    })
    batch.bytes.writeBigInt64LE(BigInt(batch.rows), at + ROW_RECEIVED)
  }
  return batch
}

const MODES = ['write', 'write and load', 'write new memory and load'] as const

interface Figures {
  user: number
  system: number
  eventsPerSecond: number
  bytesPerEvent: number
}

async function measure(mode: (typeof MODES)[number]): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-bench-'))
  const load = mode === 'write' ? () => Promise.reject(new AppError('STORE_UNREACHABLE')) : () => Promise.resolve()
  const spool = await openSpool({
    dir,
    node: 'bench',
    store: { load },
    counters: new Counters(),
    logger: SILENT_LOGGER,
    limits: { diskFreeBytesMin: 0, ...(mode === 'write' ? { backoffMsMin: 1e6, backoffMsMax: 1e6 } : {}) },
  })
  const batches = Array.from({ length: PRODUCERS }, filled)
  const rows = batches[0]?.rows ?? 0
  const bytesPerEvent = (batches[0]?.length ?? 0) / rows
  let left = Math.ceil(events / rows)
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  const produce = async (batch: EventBatch): Promise<void> => {
    while (left > 0) {
      // As a request of 2 MB does: eight batches, and the answer waits for all of them.
      const release = spool.hold()
      const writes: Promise<void>[] = []
      for (let part = 0; part < 8 && left > 0; part++, left--) {
        writes.push(spool.write(mode === 'write new memory and load' ? copyOf(batch) : batch))
      }
      release()
      await Promise.all(writes)
    }
  }
  await Promise.all(batches.map((batch) => produce(batch)))
  if (mode !== 'write') await spool.waitStored(spool.durableThroughNs)
  const seconds = (performance.now() - startMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await spool.close()
  rmSync(dir, { recursive: true })
  return { user: user / events, system: system / events, eventsPerSecond: events / seconds, bytesPerEvent }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

function copyOf(batch: EventBatch): EventBatch {
  const copy = new EventBatch(batch.length, batch.rows)
  batch.bytes.copy(copy.bytes, 0, 0, batch.length)
  copy.offsets.set(batch.offsets.subarray(0, batch.rows))
  copy.length = batch.length
  copy.rows = batch.rows
  return copy
}

const results = new Map<string, Figures[]>(MODES.map((mode) => [mode, []]))
for (let round = 0; round < ROUNDS; round++) {
  for (const mode of MODES) results.get(mode)?.push(await measure(mode))
}
for (const [mode, figures] of results) {
  const user = median(figures.map((figure) => figure.user))
  const system = median(figures.map((figure) => figure.system))
  const rate = Math.round(median(figures.map((figure) => figure.eventsPerSecond))).toLocaleString('en-US')
  const bytes = figures[0]?.bytesPerEvent.toFixed(0)
  const cost = `${(user + system).toFixed(3)} µs CPU (${user.toFixed(3)} own, ${system.toFixed(3)} in the kernel)`
  process.stdout.write(`${mode.padEnd(26)} ${cost} per event of ${bytes} bytes, ${rate} events/s\n`)
}

/** What parts of logd cost in this process alone: the append to a ring, and a call of the client. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createLogger, type Logger } from '../src/client/logd/logger.ts'
import { EventBatch, ROW_RECEIVED } from '../src/core/batch.ts'
import { ServiceRings } from '../src/live/rings.ts'
import { quantile } from './table.ts'

const ROUNDS = 15

export interface PiecesResult {
  /** µs per event, of batches as the source makes them. */
  ringAppendUs: number
  /** µs per call until it returns: formatting, and all of encoding. */
  call: { name: string; us: number }[]
  /** µs per message for what the call leaves for later: signing, and the socket. */
  laterUs: number
}

export async function measurePieces(textBytes: number, keys: number): Promise<PiecesResult> {
  const ringAppendUs = measureRings(textBytes, keys)
  const sink = createSocket('udp4')
  sink.bind(0, '127.0.0.1')
  await once(sink, 'listening')
  const log = createLogger({ port: sink.address().port, secret: 'bench', key: '/bench/app', queueBytesMax: 1e9 })
  const text = 'x'.repeat(textBytes)
  const error = new Error('the disk is full')
  const calls: readonly (readonly [string, () => void])[] = [
    ['a text', () => log.info(text)],
    ['a format', () => log.info('%s took %d ms', text, 12)],
    ['an object', () => log.info('done', { method: 'GET', url: '/a/b?c=d', status: 200, elapsedMs: 12 })],
    ['an error', () => log.error(error)],
  ]
  const call: PiecesResult['call'] = []
  let laterUs = 0
  for (const [name, act] of calls) {
    const measured = await measureCall(log, act)
    call.push({ name, us: measured.callUs })
    if (name === 'a text') ({ laterUs } = measured)
  }
  await log.close()
  sink.close()
  return { ringAppendUs, call, laterUs }
}

async function measureCall(log: Logger, act: () => void): Promise<{ callUs: number; laterUs: number }> {
  const calls = 5000
  const callUs: number[] = []
  const laterUs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now()
    for (let i = 0; i < calls; i++) act()
    const called = performance.now()
    await log.flush(60_000)
    callUs.push(((called - from) * 1000) / calls)
    laterUs.push(((performance.now() - called) * 1000) / calls)
  }
  return { callUs: quantile(callUs, 0.5), laterUs: quantile(laterUs, 0.5) }
}

function measureRings(textBytes: number, keys: number): number {
  const rings = new ServiceRings({ budgetBytes: 256 * 1024 * 1024, ringBytesMax: 4 * 1024 * 1024, startNs: 0n })
  const batch = batchOf(textBytes, keys)
  const us: number[] = []
  for (let round = 0; round < ROUNDS * 20; round++) {
    const from = performance.now()
    rings.add(batch)
    us.push(((performance.now() - from) * 1000) / batch.rows)
  }
  return quantile(us, 0.5)
}

/** As large as the source's: half a mebibyte. */
function batchOf(textBytes: number, keys: number): EventBatch {
  const batch = new EventBatch(600 * 1024)
  while (batch.length < 512 * 1024) {
    const at = batch.length
    batch.append({
      timestampNs: BigInt(batch.rows),
      message: 'x'.repeat(textBytes),
      service: `/bench/key${batch.rows % keys}`,
      host: 'bench',
      source: 'logd',
    })
    batch.bytes.writeBigInt64LE(BigInt(batch.rows), at + ROW_RECEIVED)
  }
  return batch
}

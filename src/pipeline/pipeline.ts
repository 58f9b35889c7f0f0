/**
 * pipeline: admits events (clock check), stamps them (received time), and fans them out: first to the spool, then,
 * once durable, to whoever watches live. It knows neither where events come from nor where they go; both ends are
 * parameters. Start here; `received.ts` is its clock.
 */
import type { BatchPool } from '../core/batch-pool.ts'
import { EventBatch, EventView, NO_TIMESTAMP_HIGH, ROW_RECEIVED, ROW_TIMESTAMP } from '../core/batch.ts'
import type { Counters } from '../core/counters.ts'
import type { Sink } from '../core/sink.ts'
import { formatTimestamp } from '../core/time.ts'
import type { ReceivedClock } from './received.ts'

export interface PipelineOptions {
  /** Makes batches durable. */
  spool: Sink
  /** Sees every batch after it became durable, in received order; true when it will not look at it again. */
  publish: (batch: EventBatch) => boolean
  /** Where batches go that nobody needs any more. */
  batches: Pick<BatchPool, 'give'>
  received: ReceivedClock
  counters: Counters
  /** How far in the future a timestamp may lie before the received time replaces it. Nanoseconds. */
  futureSkewMaxNs: bigint
}

/** Attribute that keeps the claimed time of an event whose timestamp was replaced. */
export const SKEW_ATTRIBUTE = 'clock.skewed'

/**
 * The sink that sources write to. Timestamps that are missing become the received time; those before 1970 or further
 * in the future than the accepted skew do too, and the claim is kept in attribute `clock.skewed`.
 */
export function createPipeline(options: PipelineOptions): Sink {
  const { spool, publish, received, counters, futureSkewMaxNs, batches } = options
  const events = counters.counter('pipeline_events_total')
  const bytes = counters.counter('pipeline_bytes_total')
  const skewed = counters.counter('pipeline_clock_skewed_total')
  const view = new EventView()

  return {
    hold: () => spool.hold(),
    async write(batch) {
      if (batch.rows === 0) return
      const firstNs = received.take(batch.rows)
      let admitted = batch
      const skewedRows = stamp(batch, firstNs, firstNs + futureSkewMaxNs)
      if (skewedRows.length > 0) {
        skewed.add(skewedRows.length)
        admitted = withClaims(batch, new Set(skewedRows), view)
        batches.give(batch)
      }
      const { rows, length } = admitted
      await spool.write(admitted)
      events.add(rows)
      bytes.add(length)
      if (publish(admitted)) batches.give(admitted)
    },
  }
}

/**
 * Writes consecutive received times into every row, and into the timestamp of rows that have none. Returns the rows
 * whose timestamp cannot be accepted. Works on 32-bit halves: bigints would cost more than all the rest.
 */
function stamp(batch: EventBatch, firstNs: bigint, limitNs: bigint): number[] {
  const skewedRows: number[] = []
  const { bytes, offsets, rows } = batch
  const cells = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const limitHigh = Number(limitNs >> 32n)
  const limitLow = Number(limitNs & 0xffffffffn)
  let high = Number(firstNs >> 32n)
  let low = Number(firstNs & 0xffffffffn)
  for (let row = 0; row < rows; row++) {
    const at = offsets[row] ?? 0
    cells.setUint32(at + ROW_RECEIVED, low, true)
    cells.setUint32(at + ROW_RECEIVED + 4, high, true)
    const timestampHigh = cells.getUint32(at + ROW_TIMESTAMP + 4, true)
    if (timestampHigh >= limitHigh) {
      if (timestampHigh === NO_TIMESTAMP_HIGH && cells.getUint32(at + ROW_TIMESTAMP, true) === 0) {
        cells.setUint32(at + ROW_TIMESTAMP, low, true)
        cells.setUint32(at + ROW_TIMESTAMP + 4, high, true)
      } else if (timestampHigh > limitHigh || cells.getUint32(at + ROW_TIMESTAMP, true) > limitLow) {
        skewedRows.push(row)
      }
    }
    if (++low > 0xffffffff) {
      low = 0
      high++
    }
  }
  return skewedRows
}

/** A copy of the batch in which these rows bear their received time, and their claim as an attribute. */
function withClaims(batch: EventBatch, skewedRows: ReadonlySet<number>, view: EventView): EventBatch {
  const copy = new EventBatch(batch.length + skewedRows.size * 64, batch.rows)
  for (let row = 0; row < batch.rows; row++) {
    const start = batch.offsets[row] ?? 0
    if (skewedRows.has(row)) {
      const event = view.at(batch.bytes, start).toEvent()
      const attributes = new Map(event.attributes).set(SKEW_ATTRIBUTE, formatTimestamp(event.timestampNs))
      const at = copy.length
      copy.append({ ...event, timestampNs: event.receivedNs, attributes })
      copy.bytes.writeBigInt64LE(event.receivedNs, at + ROW_RECEIVED)
    } else {
      const end = batch.rowEnd(row)
      copy.reserve(end - start)
      batch.bytes.copy(copy.bytes, copy.length, start, end)
      copy.commitRow(copy.length + end - start)
    }
  }
  return copy
}

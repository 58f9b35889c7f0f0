/**
 * pipeline: admits events (clock check), stamps them (received time), and fans them out: first to the spool, then,
 * once durable, to whoever watches live. It knows neither where events come from nor where they go; both ends are
 * parameters. Start here; `received.ts` is its clock.
 */
import type { BatchPool } from '../core/batch-pool.ts'
import { EventBatch, EventView, NO_TIMESTAMP_HIGH, ROW_RECEIVED, ROW_SERVICE, ROW_TIMESTAMP } from '../core/batch.ts'
import type { Counters } from '../core/counters.ts'
import type { LogEvent } from '../core/event.ts'
import { SKEW_ATTRIBUTE, SKEW_COUNTER, type Sink, type WriteOptions } from '../core/sink.ts'
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
  /** A service that only the server's own events may bear; others get `CLAIMED` before it. ASCII. */
  reservedService: string
}

export interface Pipeline extends Sink {
  /** `write` for the server's own events, which may bear the reserved service. */
  writeOwn(batch: EventBatch, options?: WriteOptions): Promise<void>
}

/** Stands before a service that a sender may not use. */
export const CLAIMED = 'claimed:'

/**
 * The sink that sources write to (through `stamps.ts`, where their key has stamps). Timestamps that are missing become the received time; those before 1970 or further
 * in the future than the accepted skew do too, and the claim is kept in attribute `clock.skewed`.
 */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { spool, publish, received, counters, batches } = options
  const events = counters.counter('pipeline_events_total')
  const bytes = counters.counter('pipeline_bytes_total')
  const skewed = counters.counter(SKEW_COUNTER)
  const claimed = counters.counter('pipeline_service_claimed_total')
  const view = new EventView()

  const pipeline: Pipeline = {
    hold: () => spool.hold(),
    write(batch, wanted) {
      const claims = rowsOfService(batch, options.reservedService)
      if (claims.length === 0) return pipeline.writeOwn(batch, wanted)
      claimed.add(claims.length)
      const renamed = changed(batch, new Set(claims), (event) => ({ ...event, service: CLAIMED + event.service }), view)
      batches.give(batch)
      return pipeline.writeOwn(renamed, wanted)
    },
    async writeOwn(batch, { futureSkewMaxNs = options.futureSkewMaxNs } = {}) {
      if (batch.rows === 0) return
      const firstNs = received.take(batch.rows)
      let admitted = batch
      const skewedRows = stamp(batch, firstNs, futureSkewMaxNs)
      if (skewedRows.length > 0) {
        skewed.add(skewedRows.length)
        admitted = changed(batch, new Set(skewedRows), withClaim, view)
        batches.give(batch)
      }
      const { rows, length } = admitted
      await spool.write(admitted)
      events.add(rows)
      bytes.add(length)
      if (publish(admitted)) batches.give(admitted)
    },
  }
  return pipeline
}

/** The rows whose service is this one, whatever the case of its letters: queries do not tell them apart. */
function rowsOfService({ bytes, offsets, rows }: EventBatch, service: string): number[] {
  const found: number[] = []
  const { length } = service
  for (let row = 0; row < rows; row++) {
    const at = (offsets[row] ?? 0) + ROW_SERVICE
    if (bytes[at] !== length) continue
    if (bytes.toString('latin1', at + 1, at + 1 + length).toLowerCase() === service) found.push(row)
  }
  return found
}

/**
 * Writes consecutive received times into every row, and into the timestamp of rows that have none. Returns the rows
 * whose timestamp cannot be accepted: before 1970, or further than the skew after their received time. Works on 32-bit halves: bigints would cost more than all the rest.
 */
function stamp(batch: EventBatch, firstNs: bigint, skewMaxNs: bigint): number[] {
  const skewedRows: number[] = []
  const { bytes, offsets, rows } = batch
  const cells = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const limitNs = firstNs + skewMaxNs
  let limitHigh = Number(limitNs >> 32n)
  let limitLow = Number(limitNs & 0xffffffffn)
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
    if (++limitLow > 0xffffffff) {
      limitLow = 0
      limitHigh++
    }
  }
  return skewedRows
}

/** The received time instead of the timestamp, and the claim as an attribute. */
function withClaim(event: LogEvent): LogEvent {
  const attributes = new Map(event.attributes).set(SKEW_ATTRIBUTE, formatTimestamp(event.timestampNs))
  return { ...event, timestampNs: event.receivedNs, attributes }
}

/** A copy of the batch with other events in these rows. */
function changed(
  batch: EventBatch,
  rows: ReadonlySet<number>,
  change: (event: LogEvent) => LogEvent,
  view: EventView,
): EventBatch {
  const copy = new EventBatch(batch.length + rows.size * 64, batch.rows)
  for (let row = 0; row < batch.rows; row++) {
    const start = batch.offsets[row] ?? 0
    if (rows.has(row)) {
      const event = view.at(batch.bytes, start).toEvent()
      const at = copy.length
      copy.append(change(event))
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

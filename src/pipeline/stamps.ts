import {
  type EventBatch,
  ROW_SERVICE,
  ROW_SEVERITY,
  varintAt,
  varintEnd,
  writeText,
  writeVarint,
} from '../core/batch.ts'
import type { BatchPool } from '../core/batch-pool.ts'
import { TEXT_FIELDS } from '../core/event.ts'
import { severityFromName } from '../core/severity.ts'
import type { Sink } from '../core/sink.ts'

/**
 * A sink whose events bear these stamps whatever they claim: `service`, `host`, `source` and the other text fields,
 * `level`, or the plain name of an attribute → value. Every field of an event can be stamped but its times.
 */
export function stampingSink(
  sink: Sink,
  stamps: ReadonlyMap<string, string>,
  batches: Pick<BatchPool, 'take' | 'give'>,
): Sink {
  if (stamps.size === 0) return sink
  const prepared = prepare(stamps)
  return {
    hold: () => sink.hold(),
    write(batch, options) {
      const stamped = stampRows(batch, prepared, batches)
      batches.give(batch)
      return sink.write(stamped, options)
    },
  }
}

interface Stamps {
  severity: number | undefined
  /** In the order of TEXT_FIELDS: with the length before it. */
  texts: readonly (Buffer | undefined)[]
  names: readonly Buffer[]
  /** Name and value in turn, each with its length before it. */
  attributes: Buffer
  bytes: number
}

function prepare(stamps: ReadonlyMap<string, string>): Stamps {
  const rest = new Map(stamps)
  const level = rest.get('level')
  rest.delete('level')
  const texts = TEXT_FIELDS.map((field) => {
    const value = rest.get(field)
    rest.delete(field)
    return value === undefined ? undefined : encoded(value)
  })
  const attributes = Buffer.concat([...rest].flatMap(([name, value]) => [encoded(name), encoded(value)]))
  return {
    severity: level === undefined ? undefined : severityFromName(level),
    texts,
    names: [...rest.keys()].map((name) => Buffer.from(name)),
    attributes,
    bytes: texts.reduce((sum, text) => sum + (text?.length ?? 0), attributes.length),
  }
}

function encoded(text: string): Buffer {
  const bytes = Buffer.alloc(5 + Buffer.byteLength(text))
  return bytes.subarray(0, writeText(bytes, 0, text))
}

/** Room for a number of attributes that takes more bytes than before. */
const COUNT_BYTES = 5

function stampRows(batch: EventBatch, stamps: Stamps, batches: Pick<BatchPool, 'take'>): EventBatch {
  const target = batches.take(batch.length + batch.rows * (stamps.bytes + COUNT_BYTES))
  for (let row = 0; row < batch.rows; row++) {
    const start = batch.offsets[row] ?? 0
    const end = batch.rowEnd(row)
    target.reserve(end - start + stamps.bytes + COUNT_BYTES)
    target.commitRow(stampRow(batch.bytes, start, end, target, stamps))
  }
  return target
}

/** Writes one row behind the last; returns its end. The row layout is that of `core/batch.ts`. */
function stampRow(from: Buffer, start: number, end: number, target: EventBatch, stamps: Stamps): number {
  const to = target.bytes
  let out = target.length
  from.copy(to, out, start, start + ROW_SERVICE)
  if (stamps.severity !== undefined) to[out + ROW_SEVERITY] = stamps.severity
  out += ROW_SERVICE
  let at = start + ROW_SERVICE
  for (const stamp of stamps.texts) {
    const next = textEnd(from, at)
    out += stamp ? stamp.copy(to, out) : from.copy(to, out, at, next)
    at = next
  }
  if (stamps.names.length === 0) return out + from.copy(to, out, at, end)
  return stampAttributes(from, at, to, out, stamps)
}

function stampAttributes(from: Buffer, start: number, to: Buffer, out: number, { names, attributes }: Stamps): number {
  let at = varintEnd(from, start)
  const count = varintAt(from, start)
  const kept: [start: number, end: number][] = []
  for (let index = 0; index < count; index++) {
    const keyEnd = textEnd(from, at)
    const valueEnd = textEnd(from, keyEnd)
    const key = from.subarray(varintEnd(from, at), keyEnd)
    if (!names.some((name) => name.equals(key))) kept.push([at, valueEnd])
    at = valueEnd
  }
  out = writeVarint(to, out, kept.length + names.length)
  for (const [keptStart, keptEnd] of kept) out += from.copy(to, out, keptStart, keptEnd)
  return out + attributes.copy(to, out)
}

/** The end of a text whose length stands at `at`. */
function textEnd(bytes: Buffer, at: number): number {
  return varintEnd(bytes, at) + varintAt(bytes, at)
}

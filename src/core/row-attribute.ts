import { type EventBatch, ROW_SERVICE, varintAt, varintEnd, writeText, writeVarint } from './batch.ts'
import { TEXT_FIELDS } from './event.ts'

/** A count of attributes may take this many bytes more than before. */
const COUNT_BYTES_MORE = 1

/** Adds an attribute to the last row of a batch, which has to have one. What the row had under this name stays. */
export function appendRowAttribute(batch: EventBatch, name: string, value: string): void {
  const start = batch.offsets[batch.rows - 1] ?? 0
  batch.reserve(COUNT_BYTES_MORE + 10 + (name.length + value.length) * 3)
  const { bytes } = batch
  let at = start + ROW_SERVICE
  for (let field = 0; field < TEXT_FIELDS.length; field++) at = varintEnd(bytes, at) + varintAt(bytes, at)
  const count = varintAt(bytes, at)
  const after = varintEnd(bytes, at)
  const head = Buffer.allocUnsafe(5)
  const size = writeVarint(head, 0, count + 1)
  if (at + size !== after) bytes.copyWithin(at + size, after, batch.length)
  head.copy(bytes, at, 0, size)
  batch.length = writeText(bytes, writeText(bytes, batch.length + at + size - after, name), value)
}

import { HEADS, TAIL } from '../../wire/audit/encode.ts'
import { MsgpackWriter } from '../../wire/msgpack/writer.ts'
import type { MessageQueue } from './message-queue.ts'

/** Of every message: what stands in front of its entry, and behind it. */
const HEAD_BYTES = HEADS.DataPlane.length
const TAIL_BYTES = TAIL.length
const TAG_FROM = 1
const TAG_TO = HEAD_BYTES - 1
/** All of a chunk beside its entries. */
const FRAME_BYTES = 256

/** Where tags of records differ: `AsmAuditDP`, `AsmAuditCP`. */
const TAG_DIFFERS_AT = 10
const FRAME = { head: HEAD_BYTES, tail: TAIL_BYTES }

/** How many messages from the one at `index` on have the same tag, of `count`. */
export function sameTag(queue: MessageQueue, index: number, count: number): number {
  const first = queue.byteOf(index, TAG_DIFFERS_AT)
  let same = 1
  while (same < count && queue.byteOf(index + same, TAG_DIFFERS_AT) === first) same++
  return same
}

/** Messages of one tag as one: `[tag, [entry, …], {"TimeFormat": "DateTime", "chunk": …}]`. */
export function chunkMessage(queue: MessageQueue, index: number, count: number, chunk: string): Buffer {
  const first = queue.message(index)
  const writer = new MsgpackWriter(queue.runBytes(index, count).length + FRAME_BYTES)
  writer.begin()
  writer.array(3)
  writer.raw(first.subarray(TAG_FROM, TAG_TO))
  writer.array(count)
  for (let i = 0; i < count; i++) writer.at = queue.copyTo(writer.bytes, writer.at, index + i, FRAME)
  writer.map(2)
  writer.text('TimeFormat')
  writer.text('DateTime')
  writer.text('chunk')
  writer.text(chunk)
  return writer.bytes.subarray(writer.start, writer.at)
}

/** Rows that come over a network are as bad as anything else that does: nothing of them is believed before this. */
import { isUtf8 } from 'node:buffer'
import { type EventBatch, ROW_SERVICE, ROW_SEVERITY } from '../../core/batch.ts'
import { TEXT_FIELDS } from '../../core/event.ts'
import { type EventLimits, EVENT_LIMITS } from '../transcode/limits.ts'

/** Media type of rows as `core/batch.ts` lays them out. */
export const ROWS_TYPE = 'application/vnd.tailrace.rows'

const SEVERITY_MAX = 24
const MESSAGE = TEXT_FIELDS.indexOf('message')
/** The other texts of an event are names: longer ones are no names. */
const NAME_BYTES_MAX = 4096
/** Longest length that a varint may say: 2^28 − 1, in four bytes. */
const VARINT_BYTES_MAX = 4

export interface RowMistake {
  /** From 1. */
  row: number
  reason: 'cut_off' | 'severity' | 'too_long' | 'not_utf8' | 'too_many_keys' | 'key_too_long' | 'too_many_rows'
}

/**
 * Walks over `length` bytes that stand in a batch and should be rows: where each of them starts is noted in the batch.
 * Returns the first mistake; then the batch is of no use.
 */
export function checkRows(
  batch: EventBatch,
  length: number,
  rowsMax: number,
  limits: EventLimits = EVENT_LIMITS,
): RowMistake | undefined {
  const walk = new RowWalk(batch.bytes, length, limits)
  batch.rows = 0
  batch.length = 0
  while (batch.length < length) {
    if (batch.rows >= rowsMax) return { row: batch.rows + 1, reason: 'too_many_rows' }
    const reason = walk.row(batch.length)
    if (reason) return { row: batch.rows + 1, reason }
    batch.reserve(0)
    batch.commitRow(walk.at)
  }
  return undefined
}

class RowWalk {
  at = 0
  readonly #bytes: Buffer
  readonly #length: number
  readonly #limits: EventLimits

  constructor(bytes: Buffer, length: number, limits: EventLimits) {
    this.#bytes = bytes
    this.#length = length
    this.#limits = limits
  }

  row(start: number): RowMistake['reason'] | undefined {
    const bytes = this.#bytes
    if (start + ROW_SERVICE > this.#length) return 'cut_off'
    if ((bytes[start + ROW_SEVERITY] ?? 0) > SEVERITY_MAX) return 'severity'
    const { lineBytesMax, keysMax, keyBytesMax } = this.#limits
    this.at = start + ROW_SERVICE
    for (let field = 0; field < TEXT_FIELDS.length; field++) {
      const reason = this.#text(field === MESSAGE ? lineBytesMax : NAME_BYTES_MAX, 'too_long')
      if (reason) return reason
    }
    const count = this.#varint()
    if (count < 0) return 'cut_off'
    if (count > keysMax) return 'too_many_keys'
    for (let index = 0; index < count; index++) {
      const reason = this.#text(keyBytesMax, 'key_too_long') ?? this.#text(lineBytesMax, 'too_long')
      if (reason) return reason
    }
    return undefined
  }

  #text(bytesMax: number, tooLong: RowMistake['reason']): RowMistake['reason'] | undefined {
    const size = this.#varint()
    if (size < 0 || this.at + size > this.#length) return 'cut_off'
    if (size > bytesMax) return tooLong
    const start = this.at
    const end = start + size
    this.at = end
    const bytes = this.#bytes
    // Most of it is ASCII, which is seen faster here than by a call.
    if (size > 64) return isUtf8(bytes.subarray(start, end)) ? undefined : 'not_utf8'
    for (let at = start; at < end; at++) {
      if ((bytes[at] as number) > 0x7f) return isUtf8(bytes.subarray(at, end)) ? undefined : 'not_utf8'
    }
    return undefined
  }

  /** −1: it is cut off, or longer than it may be. */
  #varint(): number {
    let value = 0
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      if (this.at >= this.#length) return -1
      const byte = this.#bytes[this.at++] as number
      value |= (byte & 0x7f) << (7 * index)
      if (byte < 0x80) return value
    }
    return -1
  }
}

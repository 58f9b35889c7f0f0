import { ROW_RECEIVED } from '../core/batch.ts'
import type { RingReader, RowWindow } from './ring.ts'

/** A ring that is being read, and when the row was received at which the reader stands. */
export interface Head {
  reader: RingReader
  receivedNs: bigint
}

export function received({ bytes, start }: RowWindow): bigint {
  return bytes.readBigInt64LE(start + ROW_RECEIVED)
}

/**
 * Restores a heap of heads after its top has moved on, or has come to its end. `isBefore`: whether the first of two
 * received times belongs above the other.
 */
export function restoreHeap(
  heads: Head[],
  isTopLeft: boolean,
  isBefore: (one: bigint, other: bigint) => boolean,
): void {
  if (!isTopLeft) {
    const last = heads.pop()
    if (!last || heads.length === 0) return
    heads[0] = last
  }
  for (let at = 0; ;) {
    const left = heads[at * 2 + 1]
    const right = heads[at * 2 + 2]
    const head = heads[at]
    if (!left || !head) return
    const isRight = right !== undefined && isBefore(right.receivedNs, left.receivedNs)
    const child = isRight ? right : left
    if (!isBefore(child.receivedNs, head.receivedNs)) return
    heads[at] = child
    at = at * 2 + (isRight ? 2 : 1)
    heads[at] = head
  }
}

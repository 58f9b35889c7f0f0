import { createHash } from 'node:crypto'
import { AppError } from '../core/errors.ts'

/** Where a page ended, and what must stay the same for the next one. Opaque to readers. */
export interface PageCursor {
  /** The last event of the page. */
  timestampNs: bigint
  receivedNs: bigint
  node: string
  /** Events received later than this came after the first page was asked for, and stay out. */
  snapshotNs: bigint
  /** What relative times count from: the moment of the first page. */
  nowNs: bigint
  /** Events given so far, for a query with a limit of its own. */
  given: number
}

const VERSION = '1'
const INT64_MAX = 2n ** 63n - 1n
const SHAPE =
  /^1\.(-?\d{1,19})\.(\d{1,19})\.(\d{1,19})\.(-?\d{1,19})\.(\d{1,15})\.([0-9a-f]{16})\.([A-Za-z0-9_.-]{1,64})$/

/** `question` is all that decides which events match and in which order. */
export function formatCursor(cursor: PageCursor, question: readonly string[]): string {
  const { timestampNs, receivedNs, snapshotNs, nowNs, given, node } = cursor
  const parts = [VERSION, timestampNs, receivedNs, snapshotNs, nowNs, given, fingerprint(question), node]
  return Buffer.from(parts.join('.')).toString('base64url')
}

/** CURSOR_INVALID when it is no cursor, or one of another question. */
export function parseCursor(text: string, question: readonly string[]): PageCursor {
  const match = /^[A-Za-z0-9_-]{1,400}$/.test(text)
    ? SHAPE.exec(Buffer.from(text, 'base64url').toString('latin1'))
    : null
  if (!match) throw new AppError('CURSOR_INVALID', { detail: 'cursor is not one that this server gave out.' })
  const [, timestamp, received, snapshot, now, given, print, node = ''] = match
  if (print !== fingerprint(question)) {
    throw new AppError('CURSOR_INVALID', {
      detail: 'cursor belongs to another query.',
      hint: 'Send the same query, start, end and order as for the first page; only limit may change.',
    })
  }
  return {
    timestampNs: int64(timestamp),
    receivedNs: int64(received),
    snapshotNs: int64(snapshot),
    nowNs: int64(now),
    given: Number(given),
    node,
  }
}

function int64(digits: string | undefined): bigint {
  const value = BigInt(digits ?? '0')
  if (value > INT64_MAX || value < -INT64_MAX) {
    throw new AppError('CURSOR_INVALID', { detail: 'cursor is not one that this server gave out.' })
  }
  return value
}

function fingerprint(question: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('hex').slice(0, 16)
}

import { AppError } from '../../core/errors.ts'
import type { Reading } from '../reading.ts'
import type { PageScope } from './page-question.ts'
import {
  countStatement,
  eventsOfPageStatement,
  type PagePosition,
  type PageRange,
  type PieceOptions,
} from './page-statements.ts'
import { MINUTE_NS, type Page } from './page-time.ts'

/** Events that one statement sorts and brings: what bounds the memory of the engine however large a page is. */
const PIECE_EVENTS = 20_000
const PIECE_EVENTS_MAX = 50_000
/** How many times fewer are tried when a piece was more than the store gives at once. */
const SHRINKING = 8
/** Events that one row of an answer holds, about: rows cost more than what is in them. */
const ROW_EVENTS = 500n
const SECOND_NS = 1_000_000_000n

interface PagePiece extends PageRange {
  count: number
}

export interface PageContents {
  count: number
  /** Parts of the page, in order, with about `PIECE_EVENTS` events each. */
  pieces: PagePiece[]
}

export interface StoreOptions {
  signal: AbortSignal
  timeoutMs: number
}

/** How many events a page has, and how to cut it. */
export async function countPage(
  { context }: Pick<Reading, 'context'>,
  scope: PageScope,
  page: Page,
  options: StoreOptions,
): Promise<PageContents> {
  const stepNs = page.size === 'day' ? MINUTE_NS : SECOND_NS
  const { rows } = await context.store.select(countStatement(scope, page, stepNs), options)
  const contents: PageContents = { count: 0, pieces: [] }
  let piece: { fromNs: bigint; count: number } | undefined
  for (const [slot, slotCount] of rows as [string, string][]) {
    const fromNs = BigInt(slot) * stepNs
    const count = Number(slotCount)
    if (piece && piece.count + count > PIECE_EVENTS) {
      contents.pieces.push({ ...piece, toNs: fromNs })
      piece = undefined
    }
    piece ??= { fromNs, count: 0 }
    piece.count += count
    contents.count += count
  }
  if (piece) contents.pieces.push({ ...piece, toNs: page.toNs })
  return contents
}

/** All events of the page as JSON texts, some in each, in their order, read from the store as they are taken. */
export async function* pageEvents(
  { context }: Pick<Reading, 'context'>,
  scope: PageScope,
  { pieces, separator }: Pick<PageContents, 'pieces'> & Pick<PieceOptions, 'separator'>,
  options: StoreOptions,
): AsyncGenerator<string, void, undefined> {
  let limit = PIECE_EVENTS_MAX
  for (const piece of pieces) {
    const stepNs = ((piece.toNs - piece.fromNs) * ROW_EVENTS) / BigInt(piece.count) + 1n
    let after: PagePosition | undefined
    for (;;) {
      let events = 0
      let isTooLarge = false
      try {
        const statement = eventsOfPageStatement(scope, piece, { limit, after, stepNs, separator })
        let isHeader = true
        for await (const row of context.store.stream(statement, { ...options, rowsMax: limit })) {
          if (isHeader) {
            isHeader = false
            continue
          }
          const [text, count, pageNs, receivedNs, node] = row as [string, string, string, string, string]
          events += Number(count)
          after = { pageNs, receivedNs, node }
          yield text
        }
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'QUERY_TOO_COSTLY' || limit === 1) throw error
        isTooLarge = true
      }
      if (!isTooLarge && events < limit) break
      if (isTooLarge) limit = Math.max(1, Math.floor(limit / SHRINKING))
    }
  }
}

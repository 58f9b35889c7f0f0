import { AppError } from '../../core/errors.ts'
import type { Reading } from '../reading.ts'
import type { PageScope } from './page-question.ts'
import { countStatement, eventsOfPageStatement, type PagePosition, type PageRange } from './page-statements.ts'
import { MINUTE_NS, type Page } from './page-time.ts'

/** Events that one statement sorts and brings: what bounds the memory of the engine however large a page is. */
const PIECE_EVENTS = 20_000
const PIECE_EVENTS_MAX = 50_000
/** How many times fewer are tried when a piece was more than the store gives at once. */
const SHRINKING = 8
const SECOND_NS = 1_000_000_000n

export interface PageContents {
  count: number
  /** Parts of the page, in order, with about `PIECE_EVENTS` events each. */
  pieces: PageRange[]
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
      contents.pieces.push({ fromNs: piece.fromNs, toNs: fromNs })
      piece = undefined
    }
    piece ??= { fromNs, count: 0 }
    piece.count += count
    contents.count += count
  }
  if (piece) contents.pieces.push({ fromNs: piece.fromNs, toNs: page.toNs })
  return contents
}

/** Every event of the page as JSON text, in its order, read from the store as they are taken. */
export async function* pageEvents(
  { context }: Pick<Reading, 'context'>,
  scope: PageScope,
  { pieces }: PageContents,
  options: StoreOptions,
): AsyncGenerator<string, void, undefined> {
  let limit = PIECE_EVENTS_MAX
  for (const range of pieces) {
    let after: PagePosition | undefined
    for (;;) {
      let rows = 0
      let isTooLarge = false
      try {
        const statement = eventsOfPageStatement(scope, range, { limit, after })
        let isHeader = true
        for await (const row of context.store.stream(statement, { ...options, rowsMax: limit })) {
          if (isHeader) {
            isHeader = false
            continue
          }
          const [event, pageNs, receivedNs, node] = row as [string, string, string, string]
          rows++
          after = { pageNs, receivedNs, node }
          yield event
        }
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'QUERY_TOO_COSTLY' || limit === 1) throw error
        isTooLarge = true
      }
      if (!isTooLarge && rows < limit) break
      if (isTooLarge) limit = Math.max(1, Math.floor(limit / SHRINKING))
    }
  }
}

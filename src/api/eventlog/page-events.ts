import { AppError } from '../../core/errors.ts'
import type { ReadOptions, RowSeparator, Store } from '../../store/store.ts'
import { changedMeanwhile } from './closed.ts'
import type { PageRange, PageText } from './log-reader.ts'
import type { PageScope } from './page-question.ts'
import { countStatement, eventsOfPageStatement, textsOfPageStatement, type PagePosition } from './page-statements.ts'
import { MINUTE_NS, type Page, type PageSize } from './page-time.ts'

/** Events that one statement sorts and brings: what bounds the memory of the engine however large a page is. */
const PIECE_EVENTS = 15_000
/** Pieces that the store works on or holds at the same time, for one page. */
const PIECES_BEGUN_MAX = 2
const PIECE_EVENTS_MAX = 50_000
/** How many times fewer are tried when a piece was more than the store gives at once. */
const SHRINKING = 8
/** Events that one row of an answer holds, about: rows cost more than what is in them. */
const ROW_EVENTS = 500n
const SECOND_NS = 1_000_000_000n
/** Where a page can be cut: what applications log in a burst is not all in one piece. */
const SLOT_NS: Readonly<Record<PageSize, bigint>> = { minute: SECOND_NS / 10n, hour: SECOND_NS, day: MINUTE_NS }

interface PagePiece extends PageRange {
  count: number
}

export interface PageContents {
  count: number
  /** Parts of the page, in order, with about `PIECE_EVENTS` events each. */
  pieces: PagePiece[]
}

/** How many events a page has, and how to cut it. */
export async function countPage(
  store: Pick<Store, 'select'>,
  scope: PageScope,
  page: Page,
  options: ReadOptions,
): Promise<PageContents> {
  const stepNs = SLOT_NS[page.size]
  const { rows } = await store.select(countStatement(scope, page, stepNs), options)
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

export interface PageWanted {
  scope: PageScope
  separator: RowSeparator
  options: ReadOptions
}

type PageStore = Pick<Store, 'stream' | 'texts'>

/**
 * All events of the page as JSON texts, some in each, or parts of the bytes of such texts, with the separator between
 * two events and none at the ends; in their order, read from the store as they are taken: the store is one piece ahead,
 * from the first on.
 */
export async function* pageEvents(
  store: PageStore,
  { pieces }: PageContents,
  wanted: PageWanted,
): AsyncGenerator<PageText, void, undefined> {
  const begun: BegunPiece[] = []
  let next = 0
  const beginMore = (): void => {
    while (begun.length < PIECES_BEGUN_MAX && next < pieces.length) begun.push(begin(store, pieces[next++]!, wanted))
  }
  try {
    beginMore()
    for (let isFirst = true; ; isFirst = false) {
      const piece = begun[0]
      if (!piece) return
      let item = await piece.first
      if (!isFirst) yield wanted.separator
      for (; item.done !== true; item = await piece.items.next()) yield item.value
      begun.shift()
      beginMore()
    }
  } finally {
    await Promise.all(begun.map(({ items }) => items.return()))
  }
}

type Texts = AsyncGenerator<PageText, void, undefined>

interface BegunPiece {
  items: Texts
  first: Promise<IteratorResult<PageText, void>>
}

function begin(store: PageStore, piece: PagePiece, wanted: PageWanted): BegunPiece {
  const items = pieceEvents(store, piece, wanted)
  const first = items.next()
  // Told when it is its turn.
  first.catch(() => undefined)
  return { items, first }
}

/** As the store gives it; what is too much for one answer in several. */
async function* pieceEvents(store: PageStore, piece: PagePiece, wanted: PageWanted): Texts {
  const { scope, separator, options } = wanted
  let events = 0
  if (piece.count <= PIECE_EVENTS_MAX) {
    try {
      const statement = textsOfPageStatement(scope, piece)
      for await (const bytes of store.texts(statement, separator, { ...options, rowsMax: PIECE_EVENTS_MAX })) {
        events += newlines(bytes)
        yield bytes
      }
      // Between two events there is one.
      requireAll(piece, events + 1)
      return
    } catch (error) {
      if (events > 0 || !isTooMuch(error)) throw error
    }
  }
  for await (const { text, count } of limitedEvents(store, piece, wanted)) {
    yield events === 0 ? text : separator + text
    events += count
  }
  requireAll(piece, events)
}

const NEWLINE = 0x0a

function newlines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++
  return count
}

/** Whoever keeps pages must not keep one that events went missing from meanwhile. */
function requireAll({ count }: PagePiece, events: number): void {
  if (events !== count) throw changedMeanwhile()
}

function isTooMuch(error: unknown): boolean {
  return error instanceof AppError && error.code === 'QUERY_TOO_COSTLY'
}

/** In answers of as many events as the store gives at once. */
async function* limitedEvents(
  store: PageStore,
  piece: PagePiece,
  { scope, separator, options }: PageWanted,
): AsyncGenerator<{ text: string; count: number }, void, undefined> {
  const stepNs = ((piece.toNs - piece.fromNs) * ROW_EVENTS) / BigInt(piece.count) + 1n
  let limit = PIECE_EVENTS_MAX
  let after: PagePosition | undefined
  for (;;) {
    let events = 0
    let isTooLarge = false
    try {
      const statement = eventsOfPageStatement(scope, piece, { limit, after, stepNs, separator })
      let isHeader = true
      for await (const row of store.stream(statement, { ...options, rowsMax: limit })) {
        if (isHeader) {
          isHeader = false
          continue
        }
        const [text, count, pageNs, receivedNs, node] = row as [string, string, string, string, string]
        events += Number(count)
        after = { pageNs, receivedNs, node }
        yield { text, count: Number(count) }
      }
    } catch (error) {
      if (!isTooMuch(error) || limit === 1) throw error
      isTooLarge = true
    }
    if (!isTooLarge && events < limit) return
    if (isTooLarge) limit = Math.max(1, Math.floor(limit / SHRINKING))
  }
}

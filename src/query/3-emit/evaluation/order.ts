/** Orders of rows as SQL's ORDER BY has them, and the first so many rows of an order. */
import { numberOf, compareBytes, lowerAscii } from '../../text.ts'
import { OBJECT_BYTES, type Cell, type Charge } from './stage.ts'

/** One expression of an ORDER BY. */
export interface SortKey<Row> {
  read(row: Row): KeyValue
  /** Below 0 when `a` comes first. */
  compare(a: KeyValue, b: KeyValue): number
}

/** What a key reads of a row, made ready to be compared again and again. */
export type KeyValue = Cell | TextValue

/** A text as `sort` sees it: absent last, then numbers by value, then texts. */
interface TextValue {
  isAbsent: boolean
  number: number | null
  lower: string
}

export type Order<Row> = readonly SortKey<Row>[]

/** Plain values; NULL and, before it, NaN come last in either direction, as with NULLS LAST. */
export function valueKey<Row>(read: (row: Row) => Cell, isDescending: boolean): SortKey<Row> {
  return { read, compare: (a, b) => compareCells(a as Cell, b as Cell, isDescending) }
}

/** Texts as `sort` has them: absent last, then numbers by value, then the others, A–Z as a–z. */
export function textKey<Row>(read: (row: Row) => Cell, isDescending: boolean): SortKey<Row> {
  return {
    read(row): TextValue {
      const text = String(read(row) ?? '')
      return { isAbsent: text === '', number: numberOf(text) ?? null, lower: lowerAscii(text) }
    },
    compare(left, right) {
      const [a, b] = [left as TextValue, right as TextValue]
      if (a.isAbsent !== b.isAbsent) return a.isAbsent ? 1 : -1
      return compareCells(a.number, b.number, isDescending) || compareCells(a.lower, b.lower, isDescending)
    },
  }
}

function compareCells(a: Cell, b: Cell, isDescending: boolean): number {
  if (a === b) return 0
  const [rankOfA, rankOfB] = [lastRank(a), lastRank(b)]
  if (rankOfA !== rankOfB) return rankOfA - rankOfB
  if (rankOfA > 0) return 0
  const order = compareValues(a, b)
  return isDescending ? -order : order
}

/** Times are never absent. */
export function timeKey<Row>(read: (row: Row) => bigint, isDescending: boolean): SortKey<Row> {
  const [first, last] = isDescending ? [1, -1] : [-1, 1]
  return { read, compare: (a, b) => (a === b ? 0 : (a as bigint) < (b as bigint) ? first : last) }
}

function lastRank(cell: Cell): number {
  if (cell === null) return 2
  return Number.isNaN(cell) ? 1 : 0
}

function compareValues(a: Cell, b: Cell): number {
  if (typeof a === 'string' || typeof b === 'string') return compareBytes(String(a), String(b))
  if (a === b) return 0
  return (a ?? 0) < (b ?? 0) ? -1 : 1
}

interface Entry<Kept> {
  values: readonly KeyValue[]
  row: Kept
  bytes: number
}

export interface OrderedRowsOptions<Row, Kept> {
  order: Order<Row>
  limit: number
  /** Makes of a row that is among the first so far what is kept of it, and says how many bytes that takes. */
  keep(row: Row): { row: Kept; bytes: number }
  charge: Charge
}

/** Memory of a key's value beside the text that it may hold. */
const KEY_BYTES = 32
/** Rows taken between two steps. */
const STEP_ROWS = 500

/** The first so many rows of an order, in a heap with the last of them on top. */
export class OrderedRows<Row, Kept> {
  readonly #options: OrderedRowsOptions<Row, Kept>
  #heap: Entry<Kept>[] = []

  constructor(options: OrderedRowsOptions<Row, Kept>) {
    this.#options = options
  }

  add(row: Row): void {
    const { order, limit, keep, charge } = this.#options
    const top = this.#heap[0]
    const isFull = this.#heap.length >= limit
    if (isFull && (!top || !this.#isBefore(row, top))) return
    const kept = keep(row)
    const bytes = kept.bytes + OBJECT_BYTES + order.length * KEY_BYTES
    charge(isFull && top ? bytes - top.bytes : bytes)
    const entry = { values: order.map((key) => key.read(row)), row: kept.row, bytes }
    if (isFull) this.#sink(entry)
    else this.#rise(entry)
  }

  /** Empties it: gives the rows in order, and undefined where others may have a turn. */
  *take(): Generator<Kept | undefined, void, undefined> {
    const entries: Entry<Kept>[] = []
    while (this.#heap.length > 0) {
      entries.push(this.#pop())
      if (entries.length % STEP_ROWS === 0) yield undefined
    }
    let count = 0
    for (let entry = entries.pop(); entry; entry = entries.pop()) {
      yield entry.row
      this.#options.charge(-entry.bytes)
      if (++count % STEP_ROWS === 0) yield undefined
    }
  }

  /** Compares key by key, so that most rows are told by the first. */
  #isBefore(row: Row, entry: Entry<Kept>): boolean {
    const { order } = this.#options
    for (let index = 0; index < order.length; index++) {
      const key = order[index] as SortKey<Row>
      const result = key.compare(key.read(row), entry.values[index] as KeyValue)
      if (result !== 0) return result < 0
    }
    return false
  }

  #compare(a: Entry<Kept>, b: Entry<Kept>): number {
    const { order } = this.#options
    for (let index = 0; index < order.length; index++) {
      const key = order[index] as SortKey<Row>
      const result = key.compare(a.values[index] as KeyValue, b.values[index] as KeyValue)
      if (result !== 0) return result
    }
    return 0
  }

  #pop(): Entry<Kept> {
    const [top] = this.#heap
    const last = this.#heap.pop()
    if (!top || !last) throw new RangeError('there are no rows')
    if (this.#heap.length > 0) this.#sink(last)
    return top
  }

  /** From the end of the heap upwards to its place. */
  #rise(entry: Entry<Kept>): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (!above || this.#compare(above, entry) >= 0) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  /** From the top, whose entry it replaces, downwards to its place. */
  #sink(entry: Entry<Kept>): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      const [left, right] = [heap[at * 2 + 1], heap[at * 2 + 2]]
      if (!left) break
      const isRight = right !== undefined && this.#compare(right, left) > 0
      const below = isRight ? right : left
      if (this.#compare(below, entry) <= 0) break
      heap[at] = below
      at = at * 2 + (isRight ? 2 : 1)
    }
    heap[at] = entry
  }
}

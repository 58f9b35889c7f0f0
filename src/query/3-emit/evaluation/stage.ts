/** A query as a row of stages, each handing on what it makes of its rows. What the SQL says is said here in steps. */

/** Takes rows one by one. Rows belong to the giver: what is to be kept is copied. */
export interface Stage<Row> {
  add(row: Row): void
  /**
   * No further rows come. To be gone through to the end: gives the rows of the answer if this is the last stage, and
   * undefined wherever a piece of work is done and others may have a turn.
   */
  end(): Steps
}

export type Steps = Generator<unknown[] | undefined, void, undefined>

/** A value while the query runs: text (empty where absent), number, nanoseconds, or NULL. */
export type Cell = string | number | bigint | null

/**
 * Called with what is about to be kept in memory, roughly, in bytes, and with negative numbers when it is given up.
 * Throws when there is no room for it.
 */
export type Charge = (bytes: number) => void

/** Rows that pass every test. */
export function filtered<Row>(tests: readonly ((row: Row) => boolean)[], next: Stage<Row>): Stage<Row> {
  if (tests.length === 0) return next
  return {
    add(row) {
      for (const test of tests) if (!test(row)) return
      next.add(row)
    },
    end: () => next.end(),
  }
}

/** Bytes of an object, its slots and its place in a map, beside what it refers to. */
export const OBJECT_BYTES = 64

/** Memory of a value, roughly: what stands for itself is in the object that holds it. */
export function cellBytes(cell: Cell): number {
  return typeof cell === 'string' ? 24 + cell.length * 2 : 16
}

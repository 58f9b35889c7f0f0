import { EventView } from '../../core/batch.ts'

/** Rows in two parts of about the same size, always the same ones; `undefined` when there is only one row. */
export function halve(rows: readonly Uint8Array[]): [Buffer, Buffer] | undefined {
  const bytes = joined(rows)
  let at = 0
  for (const end of rowEnds(bytes)) {
    if (end === bytes.length) break
    at = end
    if (at >= bytes.length / 2) break
  }
  return at === 0 ? undefined : [bytes.subarray(0, at), bytes.subarray(at)]
}

export function countRows(bytes: Uint8Array): number {
  return [...rowEnds(joined([bytes]))].length
}

export function joined(rows: readonly Uint8Array[]): Buffer {
  const [first] = rows
  return rows.length === 1 && Buffer.isBuffer(first) ? first : Buffer.concat(rows)
}

function* rowEnds(bytes: Buffer): Generator<number> {
  const view = new EventView()
  for (let at = 0; at < bytes.length;) {
    at = view.at(bytes, at).end
    yield at
  }
}

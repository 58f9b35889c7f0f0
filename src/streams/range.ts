/** `Range` and what it means for a stream that may still grow: RFC 9110 §14, and RFC 8673 for the open end. */

/** Stands for an end that is not known yet (RFC 8673 §2.2: "very large value"). */
export const OPEN_LAST = Number.MAX_SAFE_INTEGER

/** One byte range as asked for. `last` is inclusive; `undefined`: to the end. A suffix has no `first`. */
export type ByteRange = { first: number; last: number | undefined } | { suffix: number }

export type RangePlan =
  /** Everything from the first byte on: 200. */
  | { kind: 'whole' }
  /** 206: from `first` up to `end`, exclusive; `end` Infinity follows the stream. */
  | { kind: 'part'; first: number; end: number; contentRange: string }
  /** 416 */
  | { kind: 'unsatisfiable'; contentRange: string }

/** `undefined`: there is none, or one that is ignored: another unit, several ranges, or not valid. */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const [, firstText, lastText] = /^bytes[ \t]*=[ \t]*(\d*)[ \t]*-[ \t]*(\d*)[ \t]*$/i.exec(header ?? '') ?? []
  if (firstText === undefined || lastText === undefined) return undefined
  if (firstText === '') return lastText === '' ? undefined : { suffix: numberOf(lastText) }
  const first = numberOf(firstText)
  const last = lastText === '' ? undefined : numberOf(lastText)
  return last !== undefined && last < first ? undefined : { first, last }
}

function numberOf(digits: string): number {
  return Math.min(Number(digits), OPEN_LAST)
}

/**
 * What to answer. While the stream grows an open range follows it to its end, from any byte up to the next one; a closed
 * one and a suffix are answered at once with what is there.
 */
export function planRange(range: ByteRange | undefined, sizeBytes: number, isGrowing: boolean): RangePlan {
  if (!range) return { kind: 'whole' }
  const total = isGrowing ? '*' : String(sizeBytes)
  const unsatisfiable: RangePlan = { kind: 'unsatisfiable', contentRange: `bytes */${sizeBytes}` }
  const part = (first: number, end: number): RangePlan => ({
    kind: 'part',
    first,
    end,
    contentRange: `bytes ${first}-${end === Infinity ? OPEN_LAST : end - 1}/${total}`,
  })
  if ('suffix' in range) {
    if (range.suffix === 0 || sizeBytes === 0) return unsatisfiable
    return part(Math.max(0, sizeBytes - range.suffix), sizeBytes)
  }
  const { first, last } = range
  const isOpen = last === undefined || last === OPEN_LAST
  if (isGrowing && isOpen) return first <= sizeBytes ? part(first, Infinity) : unsatisfiable
  if (first >= sizeBytes) return unsatisfiable
  return part(first, Math.min(sizeBytes, isOpen ? sizeBytes : last + 1))
}

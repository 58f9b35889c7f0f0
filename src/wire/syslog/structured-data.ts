import type { FieldRow } from '../transcode/field-row.ts'

const SPACE = 0x20
const QUOTE = 0x22
const EQUALS = 0x3d
const OPEN = 0x5b
const CLOSE = 0x5d
const BACKSLASH = 0x5c
/** Longest name of an attribute that an element and its parameter make together. */
const NAME_BYTES_MAX = 256

/**
 * STRUCTURED-DATA (RFC 5424 §6.3) at `from` of a row's copy, which it takes apart: `[id name="value" …]…` becomes
 * attributes `id.name`. Where it ends, −1 when that is no structured data.
 */
export function readStructuredData(row: FieldRow, from: number): number {
  const { bytes, end } = row
  if (from >= end) return -1
  if (bytes[from] === 0x2d) return from + 1 === end || bytes[from + 1] === SPACE ? from + 1 : -1
  if (bytes[from] !== OPEN) return -1
  let at = from
  while (at < end && row.bytes[at] === OPEN) {
    at = element(row, at + 1)
    if (at < 0) return -1
  }
  return at === end || row.bytes[at] === SPACE ? at : -1
}

/** From behind an opening bracket to behind its closing one. */
function element(row: FieldRow, from: number): number {
  const { end } = row
  const idEnd = nameEnd(row.bytes, from, end)
  if (idEnd === from || idEnd - from > NAME_BYTES_MAX) return -1
  const id = row.bytes.toString('utf8', from, idEnd)
  const seen = new Map<string, number>()
  let at = idEnd
  while (at < end && row.bytes[at] === SPACE) {
    const name = at + 1
    const after = nameEnd(row.bytes, name, end)
    if (after === name || after - name > NAME_BYTES_MAX) return -1
    if (row.bytes[after] !== EQUALS || row.bytes[after + 1] !== QUOTE || after + 1 >= end) return -1
    const close = valueEnd(row.bytes, after + 2, end)
    if (close < 0) return -1
    const text = `${id}.${row.bytes.toString('utf8', name, after)}`
    // A parameter may come more than once.
    const times = (seen.get(text) ?? 0) + 1
    seen.set(text, times)
    const key = row.append(times === 1 ? text : `${text}.${times}`)
    if (!parameter(row, key, after + 2, close)) return -1
    at = close + 1
  }
  if (at >= end || row.bytes[at] !== CLOSE) return -1
  // An element without parameters still says something.
  if (seen.size === 0) {
    const key = row.append(id)
    if (!row.add(key, row.appended, end, end)) return -1
  }
  return at + 1
}

function parameter(row: FieldRow, key: number, from: number, to: number): boolean {
  const keyEnd = row.appended
  const escape = row.bytes.indexOf(BACKSLASH, from)
  if (escape < 0 || escape >= to) return row.add(key, keyEnd, from, to)
  const value = row.append(row.bytes.toString('utf8', from, to).replaceAll(/\\(["\\\]])/g, '$1'))
  return row.add(key, keyEnd, value, row.appended)
}

/** SD-NAME: printable but for space, `=`, `]` and `"`. */
function nameEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at] as number
    if (byte <= SPACE || byte === EQUALS || byte === CLOSE || byte === QUOTE) break
    at++
  }
  return at
}

/** The closing quote of a value; −1 when there is none. */
function valueEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    if (bytes[at] === QUOTE) return at
    at += bytes[at] === BACKSLASH ? 2 : 1
  }
  return -1
}

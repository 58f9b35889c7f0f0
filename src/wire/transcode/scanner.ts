import {
  type FieldTable,
  KIND_ESCAPED,
  KIND_JSON,
  KIND_LITERAL,
  KIND_NULL,
  KIND_NUMBER,
  KIND_STRING,
} from './field-table.ts'
import {
  areEscapesValid,
  BACKSLASH,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  compositeEnd,
  literalEnd,
  numberEnd,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  unescape,
} from './json-value.ts'
import { knownNameIndex } from './names.ts'

/** Longest name that is learned; a line with a longer one goes the careful way. Bytes. */
const NAME_BYTES_MAX = 64
/** Deeper objects go the careful way. */
const DEPTH_MAX = 4
const DOT = 0x2e
/** Names learned at most; then learning begins anew, so that names made of data do not pile up. */
const NAMES_MAX = 2048
/** Lines are numbered up to here, where numbers are still small integers for the runtime. */
const LINES_MAX = 2 ** 30

const NOTHING = Buffer.alloc(0)
const FOUR_QUOTES = 0x22222222
const HIGH_BITS = 0x80808080 | 0

/** The name of a field, however it is made up of the names of objects around it. */
interface FieldName {
  /** Index in `KNOWN_NAMES`. */
  known: number
  /** Number of the line in which it was met last: tells duplicates. */
  line: number
}

/** A name as it stands in lines, `"name":` with its quotes and colon, and which one came after it the last time. */
interface Token {
  text: Uint8Array
  /** The same text as little-endian words; the rest of the last word is masked. */
  words: Int32Array
  lastMask: number
  field: FieldName
  /** The names of the objects around it and its own, joined by dots; `undefined` outside of all. */
  path: Uint8Array | undefined
  next: Token | undefined
  /** Where the value is an object: stands before the first name in it. */
  head: Token | undefined
  /** And all names met in it. */
  inside: Map<string, Token> | undefined
}

/**
 * JSON objects without much that is unusual, which nearly all log lines are: one pass that notes where names and values
 * begin and end. Most lines bear the same names in the same order, so each name predicts its successor, and a right
 * prediction costs a few word comparisons. Whatever else there is is refused, and `JsonParser` takes the line.
 */
export class JsonScanner {
  #names = new Map<string, FieldName>()
  /** Tokens made since learning began. */
  #tokens = 0
  /** The line itself, as if it were the value of a name. */
  #root: Token = createToken(NOTHING, undefined, { known: 0, line: 0 })
  #line = 0
  readonly #nameBytesMax: number
  /** The objects around the value at hand. */
  readonly #around: Token[]
  /** What `#cells` looks at. */
  #bytes: Buffer = NOTHING
  #cells: DataView = new DataView(new ArrayBuffer(0))
  /** What was last searched for a backslash. */
  #searched: Buffer = NOTHING
  /** Where the first backslash at or after `#scannedTo` stands; beyond the end when there is none. */
  #backslash = 0
  #scannedTo = 0

  /** `depthMax`: how many levels of objects become fields. */
  constructor(nameBytesMax: number, depthMax: number) {
    this.#nameBytesMax = Math.min(nameBytesMax, NAME_BYTES_MAX)
    this.#around = Array.from({ length: Math.min(depthMax, DEPTH_MAX) }, () => this.#root)
  }

  /** Must be called before bytes that were given to `hasBackslash` change: something about them is remembered. */
  forget(): void {
    this.#searched = NOTHING
  }

  /** Whether a backslash stands in the line. Looks for the next one once and not again for every line before it. */
  hasBackslash(bytes: Buffer, start: number, end: number): boolean {
    if (bytes !== this.#searched || this.#backslash < start || start < this.#scannedTo) {
      const found = bytes.indexOf(BACKSLASH, start)
      this.#backslash = found < 0 ? bytes.length : found
      this.#scannedTo = start
      this.#searched = bytes
    }
    return this.#backslash < end
  }

  /**
   * Fills the table with spans of `bytes`; eight bytes must be readable after `end`. False: not for this scanner. With
   * `hasEscapes` (there are backslashes) values are decoded in place, so that the bytes must be the caller's own; they
   * are untouched when the answer is false.
   */
  scan(bytes: Buffer, start: number, end: number, table: FieldTable, hasEscapes: boolean): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#cells = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    if (bytes[start] !== OPEN_OBJECT) return false
    table.clear()
    table.spanBytes = end - start
    if (++this.#line === LINES_MAX) this.#unlearn()
    if (!this.#fields(bytes, start, end, table, hasEscapes)) return false
    return !hasEscapes || decodeEscapes(bytes, table)
  }

  #fields(bytes: Buffer, start: number, end: number, table: FieldTable, hasEscapes: boolean): boolean {
    const cells = this.#cells
    const around = this.#around
    const { valueStart, valueEnd, kind } = table
    const keysMax = kind.length
    let container = this.#root
    let previous = headOf(container)
    let depth = 0
    let at = start + 1
    for (let count = 0; count < keysMax;) {
      if (bytes[at] === 0x20) at++
      const token = this.#token(bytes, at, end, previous, container)
      if (token === undefined) return false
      previous = token
      const keyAt = at + 1
      at += token.text.length
      if (bytes[at] === 0x20) at++
      if (bytes[at] === OPEN_OBJECT) {
        if (depth === around.length) return false
        around[depth++] = container
        container = token
        previous = headOf(token)
        at++
        continue
      }
      if (bytes[at] === QUOTE && !hasEscapes) {
        valueStart[count] = ++at
        at = quoteAfter(cells, at, end)
        valueEnd[count] = at++
        kind[count] = KIND_STRING
      } else {
        at = scanValue(bytes, cells, at, end, table, count)
      }
      if (at < 0 || at >= end) return false
      note(table, count++, keyAt, token)
      let byte = bytes[at++]
      for (; byte === CLOSE_OBJECT && depth > 0; byte = bytes[at++]) {
        if (at >= end) return false
        previous = container
        container = around[--depth] as Token
      }
      if (byte !== COMMA) return byte === CLOSE_OBJECT && at === end
    }
    return false
  }

  /** The name at `at`, which most often is the one that came after `previous` the last time. */
  #token(bytes: Buffer, at: number, end: number, previous: Token, container: Token): Token | undefined {
    let token = previous.next
    if (token === undefined || !matches(this.#cells, at, token)) {
      token = this.#learn(bytes, at, end, container)
      if (token === undefined) return undefined
      previous.next = token
    }
    const { field } = token
    if (field.line === this.#line) return undefined
    field.line = this.#line
    return token
  }

  /** The token that really stands at `at`. */
  #learn(bytes: Buffer, at: number, end: number, container: Token): Token | undefined {
    if (bytes[at] !== QUOTE) return undefined
    let close = at + 1
    const limit = Math.min(end - 1, at + 1 + this.#nameBytesMax)
    while (close < limit && bytes[close] !== QUOTE) if (bytes[close++] === BACKSLASH) return undefined
    if (bytes[close] !== QUOTE || bytes[close + 1] !== COLON || close + 1 >= end) return undefined
    const inside = (container.inside ??= new Map())
    const ownName = bytes.toString('latin1', at + 1, close)
    const known = inside.get(ownName)
    if (known) return known
    const path = container === this.#root ? undefined : pathOf(container, bytes.subarray(at + 1, close))
    if (path !== undefined && path.length > this.#nameBytesMax) return undefined
    if (++this.#tokens > NAMES_MAX) {
      this.#unlearn()
      return undefined
    }
    const name = path === undefined ? ownName : Buffer.from(path).toString('latin1')
    let field = this.#names.get(name)
    if (!field) this.#names.set(name, (field = { known: knownNameIndex(name), line: 0 }))
    const token = createToken(Uint8Array.prototype.slice.call(bytes, at, close + 2), path, field)
    inside.set(ownName, token)
    return token
  }

  #unlearn(): void {
    this.#names = new Map()
    this.#tokens = 0
    this.#root = createToken(NOTHING, undefined, { known: 0, line: 0 })
    this.#line = 1
  }
}

function headOf(container: Token): Token {
  return (container.head ??= createToken(NOTHING, undefined, container.field))
}

/** Notes the name of field `count`, whose value is noted already. */
function note(table: FieldTable, count: number, keyAt: number, { text, path, field }: Token): void {
  table.count = count + 1
  table.keyStart[count] = keyAt
  table.keyEnd[count] = keyAt + text.length - 3
  table.path[count] = path
  if (path !== undefined) table.spanBytes += path.length
  table.name[count] = field.known
  if (table.kind[count] === KIND_NULL) table.nulls++
  else if (field.known !== 0) table.claim(count, field.known)
}

/** Names of the container and of what is in it, joined as `JsonParser` joins them. */
function pathOf(container: Token, name: Uint8Array): Uint8Array {
  const before = container.path ?? container.text.subarray(1, -2)
  const path = new Uint8Array(before.length + 1 + name.length)
  path.set(before)
  path[before.length] = DOT
  path.set(name, before.length + 1)
  return path
}

/** Decodes strings where they stand, which only makes them shorter. False, and nothing done, if one cannot be. */
function decodeEscapes(bytes: Buffer, table: FieldTable): boolean {
  const { count, kind, valueStart, valueEnd } = table
  for (let at = 0; at < count; at++) {
    if (kind[at] !== KIND_ESCAPED) continue
    if (!areEscapesValid(bytes, valueStart[at] as number, valueEnd[at] as number)) return false
  }
  for (let at = 0; at < count; at++) {
    if (kind[at] !== KIND_ESCAPED) continue
    const from = valueStart[at] as number
    valueEnd[at] = unescape(bytes, from, valueEnd[at] as number, from)
    kind[at] = KIND_STRING
  }
  return true
}

function createToken(text: Uint8Array, path: Uint8Array | undefined, field: FieldName): Token {
  const padded = new Uint8Array(Math.ceil(text.length / 4) * 4)
  padded.set(text)
  const cells = new DataView(padded.buffer)
  const words = Int32Array.from({ length: padded.length / 4 }, (_, i) => cells.getInt32(i * 4, true))
  const rest = text.length % 4
  const lastMask = rest === 0 ? -1 : (1 << (rest * 8)) - 1
  return { text, words, lastMask, field, path, next: undefined, head: undefined, inside: undefined }
}

/** Whether the token stands at `at`. The eight bytes after the line make it safe to look at whole words. */
function matches(cells: DataView, at: number, token: Token): boolean {
  const { words } = token
  const last = words.length - 1
  if (at + words.length * 4 > cells.byteLength) return false
  for (let i = 0; i < last; i++) if (cells.getInt32(at + i * 4, true) !== words[i]) return false
  return (cells.getInt32(at + last * 4, true) & token.lastMask) === words[last]
}

/** Notes span and kind of the value at `at`. Returns the offset after it, −1 when it is not for the scanner. */
function scanValue(bytes: Buffer, cells: DataView, at: number, end: number, table: FieldTable, count: number): number {
  const first = bytes[at] as number
  if (first === QUOTE) {
    const from = at + 1
    let close = quoteAfter(cells, from, end)
    let kind = KIND_STRING
    for (let i = from; i < close && i < end; i++) {
      if (bytes[i] !== BACKSLASH) continue
      kind = KIND_ESCAPED
      // The quote found may be an escaped one.
      if (++i === close) close = quoteAfter(cells, close + 1, end)
    }
    table.valueStart[count] = from
    table.valueEnd[count] = close
    table.kind[count] = kind
    return close + 1
  }
  table.valueStart[count] = at
  if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
    at = numberEnd(bytes, at, end)
    table.kind[count] = KIND_NUMBER
  } else if (first === OPEN_ARRAY) {
    at = compositeEnd(bytes, at, end)
    table.kind[count] = KIND_JSON
  } else {
    at = literalEnd(bytes, at, end)
    table.kind[count] = first === 0x6e ? KIND_NULL : KIND_LITERAL
  }
  table.valueEnd[count] = at
  return at
}

/** Offset of the first quote at or after `at`, at or beyond `end` when there is none before. */
function quoteAfter(cells: DataView, at: number, end: number): number {
  // Eight bytes at a time: a byte of a word is zero where a quote stands, and the lowest zero byte is found exactly.
  for (; at < end; at += 8) {
    const low = cells.getInt32(at, true) ^ FOUR_QUOTES
    const high = cells.getInt32(at + 4, true) ^ FOUR_QUOTES
    const lowZeros = (low - 0x01010101) & ~low & HIGH_BITS
    const highZeros = (high - 0x01010101) & ~high & HIGH_BITS
    if ((lowZeros | highZeros) === 0) continue
    if (lowZeros !== 0) return at + ((31 - Math.clz32(lowZeros & -lowZeros)) >> 3)
    return at + 4 + ((31 - Math.clz32(highZeros & -highZeros)) >> 3)
  }
  return at
}

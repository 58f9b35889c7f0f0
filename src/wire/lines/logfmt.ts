import { BACKSLASH, QUOTE } from '../transcode/json-value.ts'
import { knownNameIndex, ROLE_MESSAGE, ROLE_OF_NAME } from '../transcode/names.ts'
import type { FieldRow } from '../transcode/field-row.ts'

const SPACE = 0x20
const EQUALS = 0x3d
/** Names remembered; then remembering begins anew, so that names made of data do not pile up. */
const NAMES_MAX = 2048

interface Name {
  text: Buffer
  /** Index among the known names. */
  known: number
  /** The line in which it came last: tells duplicates. */
  line: number
  next: Name | undefined
}

/**
 * `key=value key="quoted value" …`: nothing but pairs, each key once. Lines bear the same keys in the same order, so
 * each predicts its successor.
 */
export class LogfmtParser {
  /** Pairs of the line read last, and whether one of them is a field that every event has. */
  pairs = 0
  hasKnown = false
  #names = new Map<string, Name>()
  #head: Name = { text: Buffer.alloc(0), known: 0, line: 0, next: undefined }
  #line = 0
  readonly #keyBytesMax: number

  constructor(keyBytesMax: number) {
    this.#keyBytesMax = keyBytesMax
  }

  /** `row.begin` has taken the line. False when it is not of this form. */
  read(row: FieldRow): boolean {
    const { start, end } = row
    const { bytes } = row
    this.#line++
    this.pairs = 0
    this.hasKnown = false
    let hasMessage = false
    let previous = this.#head
    let at = start
    while (at < end) {
      if (bytes[at] === SPACE) {
        at++
        continue
      }
      const keyStart = at
      const name = this.#nameAt(bytes, at, end, previous)
      if (!name || name.line === this.#line) return false
      name.line = this.#line
      previous = name
      const keyEnd = keyStart + name.text.length
      at = keyEnd + 1
      let valueStart = at
      let valueEnd: number
      if (at < end && bytes[at] === QUOTE) {
        valueStart = at + 1
        const close = quotedEnd(bytes, valueStart, end)
        if (close < 0 || (close + 1 < end && bytes[close + 1] !== SPACE)) return false
        at = close + 1
        valueEnd = close
        if (hasEscape(bytes, valueStart, close)) {
          valueStart = row.append(unescapeQuoted(bytes.toString('utf8', valueStart, close)))
          valueEnd = row.appended
        }
      } else {
        while (at < end && bytes[at] !== SPACE) if (bytes[at++] === QUOTE) return false
        valueEnd = at
      }
      const { count } = row.table
      if (!row.add(keyStart, keyEnd, valueStart, valueEnd, name.known)) return false
      this.pairs++
      if (name.known === 0) continue
      this.hasKnown = true
      hasMessage ||= ROLE_OF_NAME[name.known] === ROLE_MESSAGE
      row.table.claim(count, name.known)
    }
    if (this.pairs > 0 && !hasMessage) return this.#wholeAsMessage(row)
    return this.pairs > 0
  }

  /** Without a message of its own the line is it. */
  #wholeAsMessage(row: FieldRow): boolean {
    const { count } = row.table
    row.field('message', row.start, row.end)
    return row.table.count > count
  }

  #nameAt(bytes: Buffer, at: number, end: number, previous: Name): Name | undefined {
    const guess = previous.next
    if (guess && isAt(bytes, at, end, guess.text) && bytes[at + guess.text.length] === EQUALS) return guess
    let after = at
    const limit = Math.min(end, at + this.#keyBytesMax)
    while (after < limit && isKeyByte(bytes[after] as number)) after++
    if (after === at || after >= end || bytes[after] !== EQUALS) return undefined
    const text = bytes.toString('utf8', at, after)
    let name = this.#names.get(text)
    if (!name) {
      if (this.#names.size >= NAMES_MAX) {
        this.#names = new Map()
        this.#head.next = undefined
      }
      name = { text: Buffer.from(bytes.subarray(at, after)), known: knownNameIndex(text), line: 0, next: undefined }
      this.#names.set(text, name)
    }
    previous.next = name
    return name
  }
}

function isAt(bytes: Buffer, at: number, end: number, text: Buffer): boolean {
  if (at + text.length >= end) return false
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false
  return true
}

function isKeyByte(byte: number): boolean {
  return byte > SPACE && byte !== EQUALS && byte !== QUOTE
}

function quotedEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    if (bytes[at] === QUOTE) return at
    at += bytes[at] === BACKSLASH ? 2 : 1
  }
  return -1
}

function hasEscape(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === BACKSLASH) return true
  return false
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

/** An escape that is not known stays as it is. */
function unescapeQuoted(text: string): string {
  return text.replaceAll(/\\(.)/gs, (whole, letter: string) => ESCAPES[letter] ?? whole)
}

import {
  CLOSE_OBJECT,
  COLON,
  COMMA,
  BACKSLASH,
  compositeEnd,
  literalEnd,
  numberEnd,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipSpace,
  stringEnd,
  unescape,
} from './json-value.ts'
import { type FieldTable, KIND_JSON, KIND_LITERAL, KIND_NULL, KIND_NUMBER, KIND_STRING } from './field-table.ts'
import type { EventLimits, RejectReason } from './limits.ts'
import { knownNameIndex } from './names.ts'
import { SLACK_BYTES } from './row-writer.ts'

const DOT = 0x2e

/**
 * Any JSON object, whatever is in it: escapes, nesting, duplicate names, odd spacing. Copies the line into `bytes` and
 * appends decoded names and values after it, so that the table's spans lie in one buffer. Numbers keep their digits.
 */
export class JsonParser {
  /** What the spans of the table refer to after `parse`; valid until the next one. */
  bytes: Buffer = Buffer.allocUnsafeSlow(16 * 1024)
  /** Why the last `parse` failed, and at which byte of the line. */
  reason: RejectReason = 'not_json'
  position = 0
  readonly #limits: EventLimits
  readonly #seen = new Map<string, number>()
  #table!: FieldTable
  /** End of the line's copy, and where the next decoded text goes. */
  #end = 0
  #out = 0

  constructor(limits: EventLimits) {
    this.#limits = limits
  }

  /** Fills the table. False when the line is not a JSON object or breaks a limit; then `reason` and `position` say why. */
  parse(source: Buffer, start: number, end: number, table: FieldTable): boolean {
    this.#table = table
    table.clear()
    this.#seen.clear()
    this.#out = 0
    this.#reserve(end - start)
    source.copy(this.bytes, 0, start, end)
    this.#end = this.#out = end - start
    const from = skipSpace(this.bytes, 0, this.#end)
    if (this.bytes[from] !== OPEN_OBJECT || from >= this.#end) return this.#otherThanObject(from)
    const after = this.#object(from + 1, 0, 0, 1)
    if (after < 0) return false
    const rest = skipSpace(this.bytes, after, this.#end)
    if (rest < this.#end) return this.#fail('not_json', rest) >= 0
    for (let at = 0; at < table.count; at++) {
      if (table.kind[at] === KIND_NULL) table.nulls++
      else if (table.name[at] !== 0) table.claim(at, table.name[at] as number)
    }
    table.spanBytes = this.#out
    return true
  }

  #otherThanObject(at: number): boolean {
    const byte = this.bytes[at] as number
    const { bytes } = this
    const end = this.#end
    let after = -1
    if (at < end && byte === OPEN_ARRAY) after = compositeEnd(bytes, at, end)
    else if (at < end && byte === QUOTE) after = stringEnd(bytes, at + 1, end) + 1 || -1
    else if (at < end) after = Math.max(numberEnd(bytes, at, end), literalEnd(bytes, at, end))
    const isOther = after >= 0 && skipSpace(bytes, after, end) === end
    return this.#fail(isOther ? 'not_object' : 'not_json', at) >= 0
  }

  #fail(reason: RejectReason, position: number): -1 {
    this.reason = reason
    this.position = position
    return -1
  }

  /** Members from `at` (after the brace) on. Their names get the text from `prefix` to `prefixEnd` in front. Where it ends. */
  #object(at: number, prefix: number, prefixEnd: number, depth: number): number {
    const end = this.#end
    at = skipSpace(this.bytes, at, end)
    if (this.bytes[at] === CLOSE_OBJECT && at < end) return at + 1
    for (;;) {
      if (at >= end || this.bytes[at] !== QUOTE) return this.#fail('not_json', at)
      const close = stringEnd(this.bytes, at + 1, end)
      if (close < 0) return this.#fail('not_json', at)
      const colon = skipSpace(this.bytes, close + 1, end)
      if (colon >= end || this.bytes[colon] !== COLON) return this.#fail('not_json', colon)
      const nameEnd = this.#name(at + 1, close, prefix, prefixEnd, depth)
      if (nameEnd < 0) return -1
      at = this.#value(skipSpace(this.bytes, colon + 1, end), this.#nameStart, nameEnd, depth)
      if (at < 0) return -1
      at = skipSpace(this.bytes, at, end)
      if (at >= end) return this.#fail('not_json', at)
      const byte = this.bytes[at]
      if (byte === CLOSE_OBJECT) return at + 1
      if (byte !== COMMA) return this.#fail('not_json', at)
      at = skipSpace(this.bytes, at + 1, end)
    }
  }

  #nameStart = 0

  /** Decodes a member's name, sets `#nameStart` and returns its end. */
  #name(from: number, to: number, prefix: number, prefixEnd: number, depth: number): number {
    const { keyBytesMax } = this.#limits
    if (to - from > keyBytesMax * 6) return this.#fail('key_too_long', from)
    if (depth === 1 && !this.#hasEscape(from, to)) {
      this.#nameStart = from
      return to - from > keyBytesMax ? this.#fail('key_too_long', from) : to
    }
    this.#reserve(prefixEnd - prefix + 1 + to - from)
    const start = this.#out
    let out = start
    if (depth > 1) {
      this.bytes.copyWithin(out, prefix, prefixEnd)
      out += prefixEnd - prefix
      this.bytes[out++] = DOT
    }
    out = unescape(this.bytes, from, to, out)
    if (out < 0) return this.#fail('not_json', from)
    if (out - start > keyBytesMax) return this.#fail('key_too_long', from)
    this.#nameStart = start
    this.#out = out
    return out
  }

  #hasEscape(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (this.bytes[at] === BACKSLASH) return true
    return false
  }

  /** One value. Returns the offset after it. */
  #value(at: number, nameStart: number, nameEnd: number, depth: number): number {
    const end = this.#end
    const byte = at < end ? (this.bytes[at] as number) : 0
    if (byte === QUOTE) return this.#string(at + 1, nameStart, nameEnd)
    if (byte === OPEN_OBJECT && depth <= this.#limits.depthMax) {
      const first = skipSpace(this.bytes, at + 1, end)
      const isEmpty = first < end && this.bytes[first] === CLOSE_OBJECT
      if (!isEmpty) return this.#object(at + 1, nameStart, nameEnd, depth + 1)
      return this.#add(nameStart, nameEnd, at, first + 1, KIND_JSON) ? first + 1 : -1
    }
    let after: number
    let kind = KIND_JSON
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      after = compositeEnd(this.bytes, at, end)
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      after = numberEnd(this.bytes, at, end)
      kind = KIND_NUMBER
    } else {
      after = literalEnd(this.bytes, at, end)
      kind = byte === 0x6e ? KIND_NULL : KIND_LITERAL
    }
    if (after < 0) return this.#fail('not_json', at)
    return this.#add(nameStart, nameEnd, at, after, kind) ? after : -1
  }

  #string(from: number, nameStart: number, nameEnd: number): number {
    const close = stringEnd(this.bytes, from, this.#end)
    if (close < 0) return this.#fail('not_json', from)
    if (!this.#hasEscape(from, close)) return this.#add(nameStart, nameEnd, from, close, KIND_STRING) ? close + 1 : -1
    this.#reserve(close - from)
    const start = this.#out
    const out = unescape(this.bytes, from, close, start)
    if (out < 0) return this.#fail('not_json', from)
    this.#out = out
    return this.#add(nameStart, nameEnd, start, out, KIND_STRING) ? close + 1 : -1
  }

  #add(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number, kind: number): boolean {
    const table = this.#table
    const key = this.bytes.toString('latin1', keyStart, keyEnd)
    let at = this.#seen.get(key)
    if (at === undefined) {
      if (table.count === this.#limits.keysMax) return this.#fail('too_many_keys', keyStart) >= 0
      at = table.count++
      this.#seen.set(key, at)
      table.path[at] = undefined
      table.keyStart[at] = keyStart
      table.keyEnd[at] = keyEnd
      table.name[at] = knownNameIndex(key)
    }
    table.valueStart[at] = valueStart
    table.valueEnd[at] = valueEnd
    table.kind[at] = kind
    return true
  }

  #reserve(size: number): void {
    const needed = this.#out + size + SLACK_BYTES
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.#out)
    this.bytes = larger
  }
}

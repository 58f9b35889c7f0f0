import { isUtf8 } from 'node:buffer'
import type { FieldTable } from '../transcode/field-table.ts'
import { KIND_NULL, KIND_STRING } from '../transcode/field-table.ts'
import type { EventLimits } from '../transcode/limits.ts'
import { KNOWN_NAMES, knownNameIndex, ROLE_OF_NAME, ROLE_TIMESTAMP } from '../transcode/names.ts'
import { SLACK_BYTES } from '../transcode/row-writer.ts'

/** Copies longer than this are handed to the runtime, which has a cost of its own to begin with. */
const LOOP_COPY_BYTES_MAX = 192
/** Texts up to this length are written here as well. */
const LOOP_TEXT_CHARS_MAX = 32
/** Bytes that stand for one that is no UTF-8. */
const REPLACEMENT_BYTES = 3
const KNOWN_NAME_BYTES_MAX = 16
const SLOTS = 4096

/** By length and first letter: whether a name may be a known one, so that others are passed by without a string. */
const MAY_BE_KNOWN = new Uint8Array(32 * 32)
for (const known of KNOWN_NAMES) {
  if (known) MAY_BE_KNOWN[known.name.length * 32 + (known.name.charCodeAt(0) & 31)] = 1
}

/** Why an event was not taken. */
export type FieldFault = 'too_many_keys' | 'key_too_long' | 'line_too_long'

/**
 * Puts the fields of one event into a table, with names and values as spans of a buffer of its own. A name that comes
 * again replaces the value. Reused for each event.
 */
export class FieldWriter {
  /** What the spans of the table refer to. */
  bytes: Buffer = Buffer.allocUnsafeSlow(16 * 1024)
  /** Where the next byte goes: behind a name or value that is being written. */
  out = 0
  /** Set by what breaks a limit; the event is to be left out then. */
  fault: FieldFault | undefined
  readonly table: FieldTable
  readonly #limits: EventLimits
  /** Table positions + 1 by hash of the name, of the event of this stamp. */
  readonly #slots = new Uint16Array(SLOTS)
  readonly #stamps = new Uint32Array(SLOTS)
  #stamp = 0

  constructor(table: FieldTable, limits: EventLimits) {
    this.table = table
    this.#limits = limits
  }

  clear(): void {
    this.table.clear()
    this.out = 0
    this.fault = undefined
    if (++this.#stamp === 0x1_0000_0000) {
      this.#stamps.fill(0)
      this.#stamp = 1
    }
  }

  /** Whether so many bytes may be part of the event besides what it has; if not, that is its fault. */
  fits(size: number): boolean {
    if (this.out + size <= this.#limits.lineBytesMax) return true
    this.fault ??= 'line_too_long'
    return false
  }

  /** Appends a text; what is no UTF-8 becomes U+FFFD. One that does not fit is a fault, and left out. */
  copy(source: Buffer, from: number, to: number): void {
    const size = to - from
    if (!this.fits(size)) return
    this.reserve(size)
    let out = this.out
    const { bytes } = this
    if (size > LOOP_COPY_BYTES_MAX) {
      if (isUtf8(source.subarray(from, to))) {
        this.out = out + source.copy(bytes, out, from, to)
        return
      }
    } else {
      let all = 0
      for (let i = from; i < to; i++) {
        const byte = source[i] as number
        all |= byte
        bytes[out++] = byte
      }
      if (all < 0x80 || isUtf8(source.subarray(from, to))) {
        this.out = out
        return
      }
    }
    this.write(source.toString('utf8', from, to))
  }

  /** Appends a text. */
  write(text: string): void {
    const { length } = text
    this.reserve(length)
    if (length <= LOOP_TEXT_CHARS_MAX) {
      const { bytes } = this
      let out = this.out
      let all = 0
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i)
        all |= code
        bytes[out++] = code
      }
      if (all < 0x80) {
        this.out = out
        return
      }
    }
    this.out += this.bytes.write(text, this.out)
  }

  byte(byte: number): void {
    this.reserve(1)
    this.bytes[this.out++] = byte
  }

  /** Room for so many bytes, and for what they may become. */
  reserve(more: number): void {
    const needed = this.out + more * REPLACEMENT_BYTES + SLACK_BYTES
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(needed * 2)
    this.bytes.copy(grown, 0, 0, this.out)
    this.bytes = grown
  }

  /** Declares a field whose name stands from `keyStart` to `keyEnd` and its value from there or `valueStart` to `out`. */
  field(keyStart: number, keyEnd: number, valueStart: number, kind: number): void {
    const { table } = this
    const { keysMax, keyBytesMax, lineBytesMax } = this.#limits
    if (keyEnd - keyStart > keyBytesMax) this.fault ??= 'key_too_long'
    if (this.out > lineBytesMax) this.fault ??= 'line_too_long'
    if (this.fault) return
    let slot = this.#hash(keyStart, keyEnd) & (SLOTS - 1)
    while (this.#stamps[slot] === this.#stamp) {
      const at = (this.#slots[slot] as number) - 1
      if (this.#isNamed(at, keyStart, keyEnd)) return this.#set(at, valueStart, kind)
      slot = (slot + 1) & (SLOTS - 1)
    }
    if (table.count >= keysMax) {
      this.fault = 'too_many_keys'
      return
    }
    const at = table.count++
    this.#stamps[slot] = this.#stamp
    this.#slots[slot] = at + 1
    table.keyStart[at] = keyStart
    table.keyEnd[at] = keyEnd
    table.name[at] = this.#knownName(keyStart, keyEnd)
    this.#set(at, valueStart, kind)
  }

  /** The same for a name of our own. */
  own(name: string, value: string): void {
    const keyStart = this.out
    this.write(name)
    const keyEnd = this.out
    this.write(value)
    this.field(keyStart, keyEnd, keyEnd, KIND_STRING)
  }

  /** Says that no more fields come: finds out which of them is what. */
  finish(): void {
    const { table } = this
    table.nulls = 0
    for (let at = 0; at < table.count; at++) {
      if (table.kind[at] === KIND_NULL) table.nulls++
      else if (table.name[at] !== 0) table.claim(at, table.name[at] as number)
    }
    table.spanBytes = this.out
  }

  /** Of the length and some bytes, most of them at the end, where long names differ. */
  #hash(start: number, end: number): number {
    const { bytes } = this
    const size = end - start
    let hash = size
    if (size <= 8) for (let i = start; i < end; i++) hash = Math.imul(hash, 31) + (bytes[i] as number)
    else {
      hash = Math.imul(hash, 31) + (bytes[start] as number)
      hash = Math.imul(hash, 31) + (bytes[start + (size >> 1)] as number)
      for (let i = end - 5; i < end; i++) hash = Math.imul(hash, 31) + (bytes[i] as number)
    }
    return hash ^ (hash >>> 15)
  }

  #set(at: number, valueStart: number, kind: number): void {
    this.table.valueStart[at] = valueStart
    this.table.valueEnd[at] = this.out
    this.table.kind[at] = kind
  }

  #isNamed(at: number, start: number, end: number): boolean {
    const { keyStart, keyEnd } = this.table
    const from = keyStart[at] as number
    if ((keyEnd[at] as number) - from !== end - start) return false
    for (let i = start; i < end; i++) if (this.bytes[i] !== this.bytes[from + i - start]) return false
    return true
  }

  /** The time of an event stands beside it in these protocols: a field of that name is a field like others. */
  #knownName(start: number, end: number): number {
    const size = end - start
    if (size > KNOWN_NAME_BYTES_MAX || size === 0) return 0
    if (MAY_BE_KNOWN[size * 32 + ((this.bytes[start] as number) & 31)] === 0) return 0
    const name = knownNameIndex(this.bytes.toString('latin1', start, end))
    return ROLE_OF_NAME[name] === ROLE_TIMESTAMP ? 0 : name
  }
}

import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from './json-value.ts'
import { Carry, type SpanReceiver, type Splitter } from './line-splitter.ts'

/** `first`: an element, or the end of the array. */
type Expected = 'text' | 'first' | 'element' | 'comma' | 'nothing'

/**
 * Splits JSON text into events: the elements of a top-level array, or objects one after the other, however they are
 * laid out over lines. Only brackets, strings and commas are looked at, so a malformed element is passed on (and then
 * rejected) without the others suffering. Elements are numbered from 1. Whole arrays are never held.
 */
export class ElementSplitter implements Splitter {
  readonly #receiver: SpanReceiver
  readonly #carry: Carry
  readonly #bytesMax: number
  #number = 0
  /** Open brackets, the array around all elements not counted. */
  #depth = 0
  #isInArray = false
  #isInString = false
  #isEscaped = false
  isOpen = false
  /**
   * Whether all of it was one JSON text so far: an array with its elements between commas, or a single element. More
   * than that is taken, so that what other programs write is not lost for a comma.
   */
  isOneText = true
  /** What may come next outside of elements. */
  #expected: Expected = 'text'

  constructor(receiver: SpanReceiver, elementBytesMax: number) {
    this.#receiver = receiver
    this.#bytesMax = elementBytesMax
    this.#carry = new Carry(elementBytesMax)
  }

  push(chunk: Buffer): void {
    let start = 0
    let at = 0
    while (at < chunk.length) {
      if (this.#isInString) {
        at = this.#string(chunk, at)
        continue
      }
      const byte = chunk[at] as number
      if (!this.isOpen) {
        start = at
        this.#between(byte)
        at++
        continue
      }
      if (byte === QUOTE) this.#isInString = true
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (this.#depth === 0) {
          this.#finish(chunk, start, at)
          continue
        }
        if (--this.#depth === 0 && !this.#isInArray) this.#finish(chunk, start, at + 1)
      } else if (this.#depth === 0 && this.#endsScalar(byte)) {
        this.#finish(chunk, start, at)
        continue
      }
      at++
    }
    if (this.isOpen) this.#carry.append(chunk, start, chunk.length)
  }

  end(): boolean {
    if (this.isOpen) this.#finish(this.#carry.bytes, 0, 0)
    return !this.#isInArray
  }

  /** A byte outside of elements: white space, the array's own brackets and commas, or the begin of an element. */
  #between(byte: number): void {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return
    const expected = this.#expected
    if (byte === COMMA) {
      this.#expect(expected === 'comma', 'element')
    } else if (byte === OPEN_ARRAY && !this.#isInArray) {
      this.#isInArray = true
      this.#expect(expected === 'text', 'first')
    } else if (byte === CLOSE_ARRAY) {
      this.#isInArray = false
      this.#expect(expected === 'comma' || expected === 'first', 'nothing')
    } else {
      this.#expect(expected !== 'comma' && expected !== 'nothing', this.#isInArray ? 'comma' : 'nothing')
      this.isOpen = true
      if (byte === QUOTE) this.#isInString = true
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth = 1
    }
  }

  #expect(isRight: boolean, next: Expected): void {
    if (!isRight) this.isOneText = false
    this.#expected = next
  }

  #endsScalar(byte: number): boolean {
    return byte === COMMA || (!this.#isInArray && byte === 0x0a)
  }

  /** Moves through a string. Returns the offset after what it has seen of it. */
  #string(chunk: Buffer, at: number): number {
    for (; at < chunk.length; at++) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (chunk[at] === BACKSLASH) this.#isEscaped = true
      else if (chunk[at] === QUOTE) {
        this.#isInString = false
        return at + 1
      }
    }
    return at
  }

  #finish(chunk: Buffer, start: number, end: number): void {
    const carry = this.#carry
    this.#number++
    if (carry.length > 0 || carry.cutBytes > 0) {
      carry.append(chunk, start, end)
      this.#receiver.span(carry.whole(), 0, carry.length, this.#number, carry.cutBytes)
      carry.clear()
    } else {
      const cutBytes = Math.max(0, end - start - this.#bytesMax)
      this.#receiver.span(chunk, start, end - cutBytes, this.#number, cutBytes)
    }
    this.isOpen = false
    this.#isInString = false
    this.#isEscaped = false
    this.#depth = 0
  }
}

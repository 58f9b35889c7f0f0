import type { FieldWriter } from '../forward/field-writer.ts'

const QUOTE = 0x22
export const SPACE = 0x20

/** Part of the writer's buffer. */
export class Span {
  from = 0
  to = 0

  clear(): void {
    this.from = this.to = 0
  }

  set(from: number, to: number): void {
    this.from = from
    this.to = to
  }

  get isEmpty(): boolean {
    return this.to === this.from
  }

  text(bytes: Buffer): string {
    return bytes.toString('utf8', this.from, this.to)
  }

  is(bytes: Buffer, text: string): boolean {
    return isSame(bytes, this.from, this.to, text)
  }

  copyTo(writer: FieldWriter): void {
    if (!this.isEmpty) writer.copy(writer.bytes, this.from, this.to)
  }
}

/** A list of one is its text; a longer one is JSON. */
export class ListText {
  readonly #writer: FieldWriter
  #isJson = false
  #start = 0

  constructor(writer: FieldWriter) {
    this.#writer = writer
  }

  /** Begins with a list of so many elements. */
  start(count: number): this {
    this.#isJson = count > 1
    this.#start = this.#writer.out
    return this
  }

  begin(): void {
    if (!this.#isJson) return
    this.#writer.byte(this.#writer.out === this.#start ? 0x5b : 0x2c)
    this.#writer.byte(QUOTE)
  }

  /** The text from `start` on is an element. */
  end(start: number): void {
    if (!this.#isJson) return
    const writer = this.#writer
    if (needsEscape(writer.bytes, start, writer.out)) {
      const text = writer.bytes.toString('utf8', start, writer.out)
      writer.out = start
      writer.write(JSON.stringify(text).slice(1, -1))
    }
    writer.byte(QUOTE)
  }

  /** Where the text begins. */
  finish(): number {
    if (this.#isJson) this.#writer.byte(0x5d)
    return this.#start
  }
}

function needsEscape(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number
    if (byte < SPACE || byte === QUOTE || byte === 0x5c) return true
  }
  return false
}

export function isSame(bytes: Buffer, from: number, to: number, text: string): boolean {
  if (to - from !== text.length) return false
  for (let i = from; i < to; i++) if (bytes[i] !== text.charCodeAt(i - from)) return false
  return true
}

export function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number
    if (byte > 0x7f) return bytes.toString('utf8', from, to).trim() === ''
    if (byte !== SPACE && (byte < 9 || byte > 13)) return false
  }
  return true
}

import { MsgpackCursor } from '../msgpack/cursor.ts'

/** How a message bears its entries. */
export type ForwardMode = 'message' | 'forward' | 'packed'

/** What the head and the options of a message say. Reads no entry. */
export class ForwardMessage {
  mode: ForwardMode = 'message'
  tag = ''
  /** Of mode forward: how many, and where the first begins. */
  entries = 0
  /** Where the entries begin; of mode message the time, with the record behind it. */
  from = 0
  /** Of mode packed: where the bytes of the entries end. */
  to = 0
  /** What the sender wants to have acknowledged. */
  chunk: string | undefined
  /** Of mode packed: `gzip`, `zstd`, or `text` for none. */
  compressed = 'text'
  readonly #cursor = new MsgpackCursor()

  /** False when what a `ValueScanner` has found there is no message of the protocol. */
  read(bytes: Buffer, at: number): boolean {
    const cursor = this.#cursor.move(bytes, at)
    this.chunk = undefined
    this.compressed = 'text'
    const members = cursor.array()
    if (members < 2 || members > 4 || cursor.kind !== 'text') return false
    this.tag = cursor.string() ?? ''
    if (!this.#readMode(cursor)) return false
    const taken = this.mode === 'message' ? 3 : 2
    if (members < taken || members > taken + 1) return false
    if (taken === 3) {
      cursor.skip()
      cursor.skip()
    }
    return members === taken || this.#readOption(cursor)
  }

  #readMode(cursor: MsgpackCursor): boolean {
    switch (cursor.kind) {
      case 'text':
      case 'bytes':
        this.mode = 'packed'
        cursor.text()
        this.from = cursor.from
        this.to = cursor.to
        return true
      case 'array': {
        this.mode = 'forward'
        const at = cursor.at
        this.entries = cursor.array()
        this.from = cursor.at
        cursor.at = at
        cursor.skip()
        return true
      }
      case 'integer':
      case 'float':
      case 'extension':
        this.mode = 'message'
        this.from = cursor.at
        return true
      default:
        return false
    }
  }

  #readOption(cursor: MsgpackCursor): boolean {
    if (cursor.kind === 'nil') return true
    const pairs = cursor.map()
    for (let left = pairs; left > 0; left--) {
      const name = cursor.string()
      if (name === 'chunk') {
        const chunk = cursor.string()
        if (chunk === undefined) return false
        this.chunk = chunk
      } else if (name === 'compressed') {
        const compressed = cursor.string()
        if (compressed === undefined) return false
        this.compressed = compressed
      } else {
        if (name === undefined) cursor.skip()
        cursor.skip()
      }
    }
    return pairs >= 0
  }
}

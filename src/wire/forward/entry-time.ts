import type { MsgpackCursor } from '../msgpack/cursor.ts'
import { timestampAt } from '../msgpack/value.ts'

const EVENT_TIME = 0
const TIMESTAMP = -1

/** When an entry happened: reads the forms that senders use. */
export class EntryTime {
  seconds = 0
  nanoseconds = 0
  /** Whether an extension was read last. */
  isExtension = false

  /**
   * Seconds as an integer or a float, an EventTime (extension 0: seconds and nanoseconds, 32 bits each), a timestamp of
   * MessagePack, or one of these in front of metadata in an array of two. False when it is none of them; the cursor may
   * have moved then.
   */
  read(cursor: MsgpackCursor): boolean {
    if (cursor.kind === 'array') {
      if (cursor.array() !== 2 || cursor.kind === 'array' || !this.read(cursor)) return false
      cursor.skip()
      return true
    }
    this.isExtension = cursor.ext()
    if (this.isExtension) return this.#readExtension(cursor)
    const number = cursor.number()
    if (number === undefined) return false
    const value = Number(number)
    if (!Number.isFinite(value)) return false
    this.seconds = Math.floor(value)
    this.nanoseconds = Math.min(999_999_999, Math.round((value - this.seconds) * 1e9))
    return true
  }

  #readExtension({ bytes, from, to, extension }: MsgpackCursor): boolean {
    if (extension === EVENT_TIME && to - from === 8) {
      this.seconds = bytes.readUInt32BE(from)
      this.nanoseconds = bytes.readUInt32BE(from + 4)
    } else {
      const time = extension === TIMESTAMP ? timestampAt(bytes, from, to) : undefined
      if (!time) return false
      this.seconds = time.seconds
      this.nanoseconds = time.nanoseconds
    }
    return this.nanoseconds < 1e9
  }
}

import { isUtf8 } from 'node:buffer'
import {
  type EventBatch,
  NO_TIMESTAMP_HIGH,
  ROW_SERVICE,
  ROW_SEVERITY,
  writeText,
  writeVarint,
} from '../../core/batch.ts'
import { TIMESTAMP_MAX_NS, TIMESTAMP_MIN_NS } from '../../core/time.ts'
import { writeTimestamp } from '../transcode/timestamp.ts'
import { ATTRIBUTE, SEVERITY_OF_LEVEL } from './event.ts'
import { CONTROL_KEY, FIELD, METHODS } from './fields.ts'
import { ProtoReader, WIRE_BYTES, WIRE_VARINT } from './protobuf.ts'

/** Longest key of a message: it names a ring, a service, and has to fit into an answer. */
export const KEY_BYTES_MAX = 1024

/** Texts longer than this are handed to the runtime, which has a cost of its own to begin with. */
const LOOP_COPY_BYTES_MAX = 192
/** Bytes that stand for one that is no UTF-8. */
const REPLACEMENT_BYTES = 3
/** All of a row that is not text of the message: times, lengths, names of attributes, method and status. */
const ROW_BYTES_OVER = 256

const SECONDS_MIN = Number(TIMESTAMP_MIN_NS / 1_000_000_000n)
const SECONDS_MAX = Number(TIMESTAMP_MAX_NS / 1_000_000_000n)

/**
 * A command's bytes → a row of a batch, without an object on the way: `read` finds out where things stand,
 * `write` copies them. Keeps nothing else between calls.
 */
export class LogdRowWriter {
  /** Number of the command that was read last. */
  command = 0
  /** Whether it bears a message. */
  hasMessage = false
  readonly #commandReader = new ProtoReader()
  readonly #messageReader = new ProtoReader()
  readonly #timeReader = new ProtoReader()
  #packet: Buffer = EMPTY
  #keyFrom = 0
  #keyTo = 0
  #textFrom = 0
  #textTo = 0
  #stackFrom = -1
  #stackTo = 0
  #urlFrom = -1
  #urlTo = 0
  #level = 0
  #method = 0
  #status = 0
  #hasStatus = false
  #hasTime = false
  #seconds = 0
  #nanoseconds = 0
  #cells: DataView = new DataView(EMPTY.buffer)

  /** False when the bytes are no command. The packet has to stay as it is until `write`. */
  read(packet: Buffer, from: number): boolean {
    this.#packet = packet
    this.command = 0
    this.hasMessage = false
    const reader = this.#commandReader.start(packet, from, packet.length)
    while (reader.next()) {
      if (reader.field === FIELD.command.message && reader.wire === WIRE_BYTES) {
        if (!this.#readMessage(packet, reader.from, reader.to)) return false
      } else if (reader.field === FIELD.command.name && reader.wire === WIRE_VARINT) {
        this.command = reader.low
      }
    }
    return !reader.isBroken
  }

  /** Whether the message's key can name a service: not empty, not too long, and not the server's own. */
  get isKeyFit(): boolean {
    const size = this.#keyTo - this.#keyFrom
    if (size === 0 || size > KEY_BYTES_MAX) return false
    return size !== CONTROL_KEY.length || this.#packet.toString('latin1', this.#keyFrom, this.#keyTo) !== CONTROL_KEY
  }

  /** Appends the message that was read as one event. */
  write(batch: EventBatch, host: Buffer, source: Buffer): void {
    const texts = this.#keyTo - this.#keyFrom + this.#textTo - this.#textFrom + this.#attributeBytes()
    batch.reserve(ROW_SERVICE + ROW_BYTES_OVER + texts * REPLACEMENT_BYTES + host.length + source.length)
    const { bytes } = batch
    if (this.#cells.buffer !== bytes.buffer) {
      this.#cells = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    let at = batch.length
    this.#writeTimes(at)
    bytes[at + ROW_SEVERITY] = SEVERITY_OF_LEVEL[this.#level] ?? 0
    at = this.#writeText(bytes, at + ROW_SERVICE, this.#keyFrom, this.#keyTo)
    at = writeBytes(bytes, at, host)
    at = writeBytes(bytes, at, source)
    at = this.#writeText(bytes, at, this.#textFrom, this.#textTo)
    bytes[at++] = 0
    bytes[at++] = 0
    batch.commitRow(this.#writeAttributes(bytes, at))
  }

  #readMessage(packet: Buffer, from: number, to: number): boolean {
    if (!this.hasMessage) this.#clear()
    const fields = FIELD.message
    const reader = this.#messageReader.start(packet, from, to)
    while (reader.next()) {
      const { field } = reader
      if (reader.wire === WIRE_BYTES) {
        if (field === fields.time) {
          if (!this.#readTime(packet, reader.from, reader.to)) return false
        } else if (field === fields.text) {
          this.#textFrom = reader.from
          this.#textTo = reader.to
        } else if (field === fields.key) {
          this.#keyFrom = reader.from
          this.#keyTo = reader.to
        } else if (field === fields.stackTrace) {
          this.#stackFrom = reader.from
          this.#stackTo = reader.to
        } else if (field === fields.url) {
          this.#urlFrom = reader.from
          this.#urlTo = reader.to
        }
      } else if (reader.wire === WIRE_VARINT) {
        if (field === fields.level) this.#level = reader.low
        else if (field === fields.httpMethod) this.#method = reader.low
        else if (field === fields.responseStatus) {
          this.#status = reader.low
          this.#hasStatus = true
        }
      }
    }
    return !reader.isBroken
  }

  #clear(): void {
    this.hasMessage = true
    this.#keyFrom = this.#keyTo = this.#textFrom = this.#textTo = 0
    this.#stackFrom = this.#urlFrom = -1
    this.#level = this.#method = this.#status = 0
    this.#hasStatus = this.#hasTime = false
  }

  #readTime(packet: Buffer, from: number, to: number): boolean {
    this.#hasTime = true
    this.#seconds = 0
    this.#nanoseconds = 0
    const reader = this.#timeReader.start(packet, from, to)
    while (reader.next()) {
      if (reader.wire !== WIRE_VARINT) continue
      if (reader.field === FIELD.time.seconds) this.#seconds = reader.high * 4_294_967_296 + (reader.low >>> 0)
      else if (reader.field === FIELD.time.nanoseconds) this.#nanoseconds = reader.low
    }
    return !reader.isBroken
  }

  /** A time that cannot be stored is none: the pipeline puts the received time there. */
  #writeTimes(at: number): void {
    const cells = this.#cells
    const carry = Math.floor(this.#nanoseconds / 1e9)
    const seconds = this.#seconds + carry
    if (this.#hasTime && seconds >= SECONDS_MIN && seconds < SECONDS_MAX) {
      writeTimestamp(cells, at, seconds, this.#nanoseconds - carry * 1e9)
    } else {
      cells.setUint32(at, 0, true)
      cells.setUint32(at + 4, NO_TIMESTAMP_HIGH, true)
    }
    cells.setUint32(at + 8, 0, true)
    cells.setUint32(at + 12, 0, true)
  }

  #attributeBytes(): number {
    const stack = this.#stackFrom < 0 ? 0 : this.#stackTo - this.#stackFrom
    return this.#urlFrom < 0 ? stack : stack + this.#urlTo - this.#urlFrom
  }

  #writeAttributes(bytes: Buffer, start: number): number {
    const method = METHODS[this.#method] ?? ''
    const hasMethod = this.#method > 0 && method !== ''
    let at = start + 1
    let count = 0
    if (this.#stackFrom >= 0) {
      at = this.#writeText(bytes, writeBytes(bytes, at, NAME.stackTrace), this.#stackFrom, this.#stackTo)
      count++
    }
    if (hasMethod) {
      at = writeText(bytes, writeBytes(bytes, at, NAME.httpMethod), method)
      count++
    }
    if (this.#urlFrom >= 0) {
      at = this.#writeText(bytes, writeBytes(bytes, at, NAME.url), this.#urlFrom, this.#urlTo)
      count++
    }
    if (this.#hasStatus) {
      at = writeText(bytes, writeBytes(bytes, at, NAME.responseStatus), String(this.#status))
      count++
    }
    bytes[start] = count
    return at
  }

  /** Copies a text of the packet with its length before it. What is no UTF-8 becomes U+FFFD. */
  #writeText(bytes: Buffer, at: number, from: number, to: number): number {
    const packet = this.#packet
    let next = writeVarint(bytes, at, to - from)
    if (to - from > LOOP_COPY_BYTES_MAX) {
      if (isUtf8(packet.subarray(from, to))) return next + packet.copy(bytes, next, from, to)
    } else {
      let all = 0
      for (let i = from; i < to; i++) {
        const byte = packet[i] as number
        all |= byte
        bytes[next++] = byte
      }
      if (all < 0x80 || isUtf8(packet.subarray(from, to))) return next
    }
    return writeText(bytes, at, packet.toString('utf8', from, to))
  }
}

const EMPTY = Buffer.alloc(0)
const NAME = {
  stackTrace: Buffer.from(ATTRIBUTE.stackTrace),
  httpMethod: Buffer.from(ATTRIBUTE.httpMethod),
  url: Buffer.from(ATTRIBUTE.url),
  responseStatus: Buffer.from(ATTRIBUTE.responseStatus),
}

/** A text that is UTF-8 for sure and short, with its length before it. */
function writeBytes(bytes: Buffer, at: number, text: Buffer): number {
  let next = writeVarint(bytes, at, text.length)
  for (let i = 0; i < text.length; i++) bytes[next++] = text[i] as number
  return next
}

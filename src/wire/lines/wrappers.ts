import { FieldTable, KIND_NULL, KIND_STRING } from '../transcode/field-table.ts'
import { JsonParser } from '../transcode/json-parser.ts'
import type { EventLimits } from '../transcode/limits.ts'
import type { RowAttribute } from '../transcode/row-writer.ts'
import { SLACK_BYTES } from '../transcode/row-writer.ts'
import { JsonScanner } from '../transcode/scanner.ts'
import { TimestampReader } from '../transcode/timestamp.ts'

/** A container's line taken out of what its runtime wrote around it. Reused for every line. */
export interface Wrapped {
  bytes: Buffer
  from: number
  to: number
  /** The rest of the line comes later. */
  isPartial: boolean
  stream: string
  seconds: number
  nanoseconds: number
  /** What the runtime tells beside: the stream, labels. */
  attributes: readonly RowAttribute[]
}

/** Takes lines out of what a container runtime wrote around them. */
export interface Wrapper {
  readonly wrapped: Wrapped
  /** False when the line has not this form. */
  read(bytes: Buffer, from: number, to: number): boolean
}

function createWrapped(): Wrapped {
  return {
    bytes: Buffer.alloc(0),
    from: 0,
    to: 0,
    isPartial: false,
    stream: '',
    seconds: Number.NaN,
    nanoseconds: 0,
    attributes: [],
  }
}

const STREAMS: ReadonlyMap<string, readonly RowAttribute[]> = new Map(
  ['stdout', 'stderr'].map((value) => [value, [{ name: 'stream', value }]]),
)

/** CRI: `2026-11-21T10:00:00.123456789Z stdout F line`; tag `P` where the rest comes in the next line of the stream. */
export class CriWrapper implements Wrapper {
  readonly wrapped = createWrapped()
  readonly #times = new TimestampReader()

  read(bytes: Buffer, from: number, to: number): boolean {
    const space = from + 20 <= to ? bytes.indexOf(0x20, from + 19) : -1
    if (space < 0 || space > from + 36 || space + 9 > to || bytes[from + 10] !== 0x54) return false
    // " stdout F " or " stderr P:tag ": both streams have names of six letters.
    if (bytes[space + 7] !== 0x20) return false
    const tag = bytes[space + 8]
    if (tag !== 0x46 && tag !== 0x50) return false
    let after = space + 9
    if (bytes[after] === 0x3a) while (after < to && bytes[after] !== 0x20) after++
    if (after < to && bytes[after] !== 0x20) return false
    const { wrapped } = this
    const stream = streamAt(bytes, space + 1)
    if (stream === undefined || !this.#times.read(bytes, from, space)) return false
    wrapped.stream = stream
    wrapped.attributes = STREAMS.get(stream) ?? []
    wrapped.isPartial = tag === 0x50
    wrapped.seconds = this.#times.seconds
    wrapped.nanoseconds = this.#times.nanoseconds
    wrapped.bytes = bytes
    wrapped.from = Math.min(to, after + 1)
    wrapped.to = to
    return true
  }
}

function streamAt(bytes: Buffer, at: number): string | undefined {
  if (bytes[at] !== 0x73 || bytes[at + 1] !== 0x74 || bytes[at + 2] !== 0x64) return undefined
  if (bytes[at + 3] === 0x6f && bytes[at + 4] === 0x75 && bytes[at + 5] === 0x74) return 'stdout'
  return bytes[at + 3] === 0x65 && bytes[at + 4] === 0x72 && bytes[at + 5] === 0x72 ? 'stderr' : undefined
}

/** Docker's json-file: `{"log":"line\n","stream":"stdout","time":"…"}`; without `\n` the rest comes later. */
export class DockerWrapper implements Wrapper {
  readonly wrapped = createWrapped()
  readonly #times = new TimestampReader()
  readonly #table: FieldTable
  readonly #scanner: JsonScanner
  readonly #parser: JsonParser
  #own = Buffer.allocUnsafeSlow(20 * 1024)

  constructor(limits: EventLimits) {
    this.#table = new FieldTable(limits.keysMax)
    this.#scanner = new JsonScanner(limits.keyBytesMax, limits.depthMax)
    this.#parser = new JsonParser(limits)
  }

  read(bytes: Buffer, from: number, to: number): boolean {
    if (bytes[from] !== 0x7b || bytes[from + 1] !== 0x22) return false
    const size = to - from
    if (size + SLACK_BYTES > this.#own.length) {
      this.#own = Buffer.allocUnsafeSlow(Math.max(size + SLACK_BYTES, this.#own.length * 2))
    }
    bytes.copy(this.#own, 0, from, to)
    const table = this.#table
    if (this.#scanner.scan(this.#own, 0, size, table, true)) return this.#take(this.#own)
    return this.#parser.parse(bytes, from, to, table) && this.#take(this.#parser.bytes)
  }

  #take(bytes: Buffer): boolean {
    const { count, keyStart, keyEnd, valueStart, valueEnd, kind, path } = this.#table
    const { wrapped } = this
    let log = -1
    let isTimed = false
    let others: RowAttribute[] | undefined
    wrapped.stream = ''
    for (let at = 0; at < count; at++) {
      const from = valueStart[at] as number
      const to = valueEnd[at] as number
      const joined = path[at]
      const name = joined ? Buffer.from(joined).toString() : bytes.toString('utf8', keyStart[at], keyEnd[at])
      if (name === 'log' && kind[at] === KIND_STRING) log = at
      else if (name === 'stream') wrapped.stream = bytes.toString('latin1', from, to)
      else if (name === 'time') isTimed = this.#times.read(bytes, from, to)
      else if (kind[at] !== KIND_NULL) (others ??= []).push({ name, value: bytes.toString('utf8', from, to) })
    }
    if (log < 0 || !isTimed || wrapped.stream === '') return false
    const stream = STREAMS.get(wrapped.stream) ?? [{ name: 'stream', value: wrapped.stream }]
    wrapped.attributes = others ? [...stream, ...others] : stream
    wrapped.seconds = this.#times.seconds
    wrapped.nanoseconds = this.#times.nanoseconds
    wrapped.bytes = bytes
    wrapped.from = valueStart[log] as number
    let to = valueEnd[log] as number
    wrapped.isPartial = to === wrapped.from || bytes[to - 1] !== 0x0a
    if (!wrapped.isPartial) to -= to - 1 > wrapped.from && bytes[to - 2] === 0x0d ? 2 : 1
    wrapped.to = to
    return true
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import { textAsJson } from '../../client/text-lines.ts'

/** Lines that go to the server in one request. */
export interface LineBatch {
  contentType: 'application/x-ndjson' | 'text/plain'
  pieces: Buffer[]
  bytes: number
  /** Lines in `pieces`, blank ones included. */
  lines: number
  /** Lines that are not blank. */
  events: number
  /** Number of the first line in the whole input, from 1. */
  firstLine: number
}

/** A line that is left out because of its length. */
export interface OversizedLine {
  line: number
  reason: string
}

export interface BatchLimits {
  /** A batch goes out when it has this many bytes … */
  bytesMax: number
  /** … or when its first line has waited this long. */
  waitMsMax: number
  /** A longer line is left out: it would have to be held in memory whole. */
  lineBytesMax: number
}

export const BATCH_LIMITS: BatchLimits = { bytesMax: 1024 * 1024, waitMsMax: 200, lineBytesMax: 64 * 1024 * 1024 }

/**
 * Text lines between JSON lines are wrapped as JSON up to this many and this long in a row; more go in a request of their
 * own. A very long line must: as text the server cuts it, as JSON it would reject it.
 */
const WRAPPED_LINES_MAX = 100
const WRAPPED_BYTES_MAX = 64 * 1024
const NEWLINE = 0x0a

interface Run {
  isJson: boolean
  pieces: Buffer[]
  bytes: number
  lines: number
  events: number
}

/**
 * Splits bytes into lines and gathers them, JSON objects and other text apart, in their order. Copies nothing: pieces
 * are windows onto the chunks that came in.
 */
export class LineGatherer {
  readonly oversized: OversizedLine[] = []
  readonly #lineBytesMax: number
  #runs: Run[] = []
  #bytes = 0
  #lines = 0
  #firstLine = 1
  /** The beginning of a line whose end has not come yet. */
  #partial: Buffer[] = []
  #partialBytes = 0
  #isSkipping = false

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax
  }

  /** Bytes of whole lines that wait. */
  get bytes(): number {
    return this.#bytes
  }

  add(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const rest = chunk.subarray(start, end + 1)
      if (this.#isSkipping) this.#endSkipping()
      else if (this.#partialBytes > 0) this.#line(this.#takePartial(rest))
      else this.#line(rest)
      start = end + 1
    }
    if (start < chunk.length && !this.#isSkipping) this.#keepPartial(chunk.subarray(start))
  }

  /** The input has ended: what stands there without a newline is a line too. */
  end(): void {
    if (this.#isSkipping) this.#endSkipping()
    else if (this.#partialBytes > 0) this.#line(this.#takePartial(Buffer.from('\n')))
  }

  /** Everything gathered so far, as few batches as keep the order. */
  take(): LineBatch[] {
    const batches: LineBatch[] = []
    const hasJson = this.#runs.some(({ isJson }) => isJson)
    let line = this.#firstLine
    for (const run of this.#runs) {
      const isWrapped = hasJson && !run.isJson && run.lines <= WRAPPED_LINES_MAX && run.bytes <= WRAPPED_BYTES_MAX
      const pieces = isWrapped ? [textAsJson(Buffer.concat(run.pieces))] : run.pieces
      const bytes = isWrapped ? (pieces[0]?.length ?? 0) : run.bytes
      const contentType = run.isJson || isWrapped ? 'application/x-ndjson' : 'text/plain'
      const last = batches.at(-1)
      if (last?.contentType === contentType) {
        last.pieces.push(...pieces)
        last.bytes += bytes
        last.lines += run.lines
        last.events += run.events
      } else {
        const { lines, events } = run
        batches.push({ contentType, pieces: [...pieces], bytes, lines, events, firstLine: line })
      }
      line += run.lines
    }
    this.#firstLine += this.#lines
    this.#runs = []
    this.#bytes = 0
    this.#lines = 0
    return batches
  }

  #line(bytes: Buffer): void {
    const isJson = looksLikeObject(bytes) && isObject(bytes)
    let run = this.#runs.at(-1)
    const isEmpty = isBlank(bytes)
    if (!run || (run.isJson !== isJson && !isEmpty)) {
      run = { isJson, pieces: [], bytes: 0, lines: 0, events: 0 }
      this.#runs.push(run)
    }
    // Lines that follow each other in one chunk become one piece.
    const last = run.pieces.at(-1)
    if (last && last.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset) {
      run.pieces[run.pieces.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length)
    } else run.pieces.push(bytes)
    run.bytes += bytes.length
    run.lines++
    if (!isEmpty) run.events++
    this.#bytes += bytes.length
    this.#lines++
  }

  #keepPartial(bytes: Buffer): void {
    this.#partial.push(bytes)
    this.#partialBytes += bytes.length
    if (this.#partialBytes <= this.#lineBytesMax) return
    this.#partial = []
    this.#partialBytes = 0
    this.#isSkipping = true
  }

  #takePartial(rest: Buffer): Buffer {
    const line = Buffer.concat([...this.#partial, rest])
    this.#partial = []
    this.#partialBytes = 0
    return line
  }

  /** An empty line stands in for the one left out, so that later lines keep their numbers. */
  #endSkipping(): void {
    this.#isSkipping = false
    const line = this.#firstLine + this.#lines
    this.oversized.push({ line, reason: `the line is longer than ${this.#lineBytesMax} bytes` })
    this.#line(Buffer.from('\n'))
  }
}

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Whether it is worth parsing. */
function looksLikeObject(line: Buffer): boolean {
  let start = 0
  let end = line.length - 1
  while (isSpace(line[start])) start++
  while (end > start && isSpace(line[end])) end--
  return line[start] === OPEN_BRACE && line[end] === CLOSE_BRACE
}

/** `{not json}` is text: the server would reject it as JSON, and nothing that came in should be lost. */
function isObject(line: Buffer): boolean {
  try {
    JSON.parse(line.toString('utf8'))
    return true
  } catch {
    // Not JSON, so it is text.
    return false
  }
}

function isBlank(line: Buffer): boolean {
  return line.every(isSpace)
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

/**
 * Reads an input to its end and yields what to send, at most `waitMsMax` after it came in. Reads no further while the
 * taker is busy with a batch. When `stop` aborts, what has been read so far is the end.
 */
export async function* inputBatches(
  input: AsyncIterable<Buffer>,
  limits: BatchLimits,
  onOversized: (line: OversizedLine) => void,
  stop?: AbortSignal,
): AsyncGenerator<LineBatch> {
  const gatherer = new LineGatherer(limits.lineBytesMax)
  const chunks = input[Symbol.asyncIterator]()
  const stopped = stop ? stopPromise(stop) : undefined
  let reading: Promise<IteratorResult<Buffer>> | undefined
  let waiting: Promise<undefined> | undefined
  for (;;) {
    reading ??= chunks.next()
    if (gatherer.bytes > 0) waiting ??= delay(limits.waitMsMax, undefined)
    const others = [waiting, stopped].filter((promise) => promise !== undefined)
    const chunk = await Promise.race([reading, ...others])
    const isOver = chunk === STOPPED || (chunk !== undefined && chunk.done === true)
    if (isOver) gatherer.end()
    else if (chunk !== undefined) {
      reading = undefined
      gatherer.add(chunk.value)
    }
    if (isOver || chunk === undefined || gatherer.bytes >= limits.bytesMax) {
      waiting = undefined
      yield* gatherer.take()
    }
    for (const line of gatherer.oversized.splice(0)) onOversized(line)
    if (isOver) return
  }
}

const STOPPED = Symbol('stopped')

function stopPromise(signal: AbortSignal): Promise<typeof STOPPED> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(STOPPED)
    else signal.addEventListener('abort', () => resolve(STOPPED), { once: true })
  })
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '../../core/errors.ts'
import type { PumpEnd } from '../../streams/byte-pump.ts'
import { breakOff, cutIdleReader, type AnswerOptions, type ReadableStream } from './answer.ts'

/** A longer line is cut, and says so. */
const LINE_BYTES_MAX = 64 * 1024
const PING_MS = 15_000
const RETRY_MS = 2000
const NEWLINE = 0x0a
const RETURN = 0x0d

/** Where to begin: after so many lines, which take so many bytes. */
interface Place {
  lines: number
  bytes: number
}

export interface LineOptions extends AnswerOptions {
  /** The first line that is wanted. */
  from: number
}

/**
 * Answers with the lines of a stream as server-sent events: `event: line` with `{"line":1,"text":"…"}`, then `event: end`
 * with how it went out. The id of an event is where the next one begins, so that a reader resumes without gap or repeat.
 */
export async function answerLines(
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  response: ServerResponse,
  stream: ReadableStream,
  { limits, signal, onDropped, from }: LineOptions,
): Promise<void> {
  const head = {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  }
  if (request.method === 'HEAD') {
    response.writeHead(200, head).end()
    return
  }
  const place = resumePlace(request, stream.sizeBytes)
  const lines = new LineEvents(place, from)
  const pings = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': \n\n')
  }, PING_MS)
  const pump = await stream
    .read({
      from: place.bytes,
      to: Infinity,
      lagBytesMax: limits.lagBytesMax,
      write(bytes) {
        const text = lines.push(bytes)
        if (text !== '') response.write(text)
        return !response.writableNeedDrain
      },
      onEnd(end) {
        if (end !== 'slow') return void response.end(lines.end(end))
        // Without a last event: it comes back by itself, behind the last that it got.
        onDropped('slow')
        breakOff(response)
      },
    })
    .catch((error: unknown) => {
      clearInterval(pings)
      throw error
    })
  const cut = (): void => {
    pump.stop()
    response.destroy()
  }
  signal?.addEventListener('abort', cut, { once: true })
  response.once('close', () => {
    clearInterval(pings)
    pump.stop()
    signal?.removeEventListener('abort', cut)
  })
  if (response.destroyed || response.socket?.destroyed === true || signal?.aborted === true) return cut()
  cutIdleReader(response, limits.readerIdleMs, onDropped)
  response.on('drain', () => pump.resume())
  response.writeHead(200, head)
  response.write(`retry: ${RETRY_MS}\n\n`)
  pump.resume()
}

function resumePlace({ headers }: Pick<IncomingMessage, 'headers'>, sizeBytes: number): Place {
  const id = headers['last-event-id']
  if (id === undefined || id === '') return { lines: 0, bytes: 0 }
  const [, lines, bytes] = /^(\d{1,15})-(\d{1,15})$/.exec(String(id)) ?? []
  if (lines !== undefined && bytes !== undefined && Number(bytes) <= sizeBytes) {
    return { lines: Number(lines), bytes: Number(bytes) }
  }
  throw new AppError('CURSOR_INVALID', { detail: 'Last-Event-ID is not the id of a line of this stream.' })
}

/** Bytes → the text of events, one for each line that has ended. */
class LineEvents {
  readonly #from: number
  #lines: number
  #bytes: number
  #open: Buffer[] = []
  #openBytes = 0

  constructor({ lines, bytes }: Place, from: number) {
    this.#lines = lines
    this.#bytes = bytes
    this.#from = from
  }

  push(bytes: Buffer): string {
    let text = ''
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#add(bytes.subarray(start, end))
      text += this.#event(1)
      start = end + 1
    }
    // A copy: it may be kept for long, and with it all that it is a part of.
    if (start < bytes.length) this.#add(Buffer.from(bytes.subarray(start)))
    return text
  }

  end(end: PumpEnd): string {
    const last = this.#openBytes > 0 && end !== 'removed' ? this.#event(0) : ''
    const state = end === 'complete' ? 'finished' : end === 'cut' ? 'interrupted' : end
    const data = JSON.stringify({ state, lines: this.#lines, bytes: this.#bytes })
    return `${last}event: end\ndata: ${data}\n\n`
  }

  #add(bytes: Buffer): void {
    const room = LINE_BYTES_MAX - this.#openBytes
    if (room > 0) this.#open.push(bytes.length > room ? bytes.subarray(0, room) : bytes)
    this.#openBytes += bytes.length
  }

  #event(endBytes: number): string {
    const [first] = this.#open
    const line = this.#open.length === 1 && first ? first : Buffer.concat(this.#open)
    const cutBytes = this.#openBytes - line.length
    this.#lines++
    this.#bytes += this.#openBytes + endBytes
    this.#open = []
    this.#openBytes = 0
    if (this.#lines < this.#from) return ''
    const hasReturn = cutBytes === 0 && line.at(-1) === RETURN
    const text = line.toString('utf8', 0, hasReturn ? line.length - 1 : line.length)
    const data = JSON.stringify({ line: this.#lines, text, ...(cutBytes > 0 && { truncated: cutBytes }) })
    return `event: line\nid: ${this.#lines}-${this.#bytes}\ndata: ${data}\n\n`
  }
}

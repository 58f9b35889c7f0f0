import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Counters } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import type { BytePump, PumpEnd } from '../../streams/byte-pump.ts'
import type { ReadOptions } from '../../streams/catalog.ts'
import { parseRange, planRange, type RangePlan } from '../../streams/range.ts'

/** What is read: a stream of the server, or the one of the drop-in. */
export interface ReadableStream {
  readonly sizeBytes: number
  /** There may be more. */
  readonly isGrowing: boolean
  /** Strong; `undefined` while the bytes may change. */
  readonly etag: string | undefined
  /** Its writer was cut off: readers are to learn that this is not all. */
  readonly isBroken: boolean
  read(options: ReadOptions): Promise<BytePump>
}

export interface ReaderLimits {
  /** How long a reader may take nothing although something waits for it. */
  readerIdleMs: number
  /** How far it may fall behind what came since it began before it is dropped; Infinity: it is not. */
  lagBytesMax: number
}

/** Counts a reader that was cut off. `idle`: it took nothing for too long. `slow`: it was too far behind. */
export type DropCounter = (reason: 'idle' | 'slow') => void

export function dropCounter(counters: Counters): DropCounter {
  return (reason) => counters.add('livestream_readers_dropped_total', { reason })
}

export interface AnswerOptions {
  limits: ReaderLimits
  /** Aborts when this may be shown no longer. */
  signal?: AbortSignal
  onDropped: DropCounter
}

type Head = Record<string, string | number>

const KEEP_ALIVE_MS = 60_000

/**
 * Answers GET and HEAD with the bytes of a stream: RFC 9110 §13 and §14. Whoever reads what grows follows it to its end;
 * when its writer is cut off the answer ends without its last chunk. Throws STREAM_RANGE_WRONG before anything is
 * written; whoever calls sets `headers` of its own on the response before, and Content-Range for that error after.
 */
export async function answerBytes(
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  response: ServerResponse,
  stream: ReadableStream,
  options: AnswerOptions,
): Promise<void> {
  const { etag, isGrowing, sizeBytes } = stream
  const head: Head = {
    'accept-ranges': 'bytes',
    'cache-control': isGrowing ? 'no-store, no-transform' : 'private, no-cache, no-transform',
    // Asks a proxy such as nginx to pass everything on as it comes.
    'x-accel-buffering': 'no',
    ...(etag === undefined ? {} : { etag }),
  }
  if (etag !== undefined && isMatch(request.headers['if-none-match'], etag)) {
    response.writeHead(304, head).end()
    return
  }
  const plan = request.method === 'HEAD' ? WHOLE : wantedRange(request, stream)
  if (plan.kind === 'unsatisfiable') {
    throw new AppError('STREAM_RANGE_WRONG', { detail: `There are ${sizeBytes} bytes.` })
  }
  const isOpen = isGrowing || stream.isBroken
  const [from, to] = plan.kind === 'part' ? [plan.first, plan.end] : [0, isOpen ? Infinity : sizeBytes]
  if (plan.kind === 'part') head['content-range'] = plan.contentRange
  if (to !== Infinity) head['content-length'] = to - from
  const status = plan.kind === 'part' ? 206 : 200
  if (request.method === 'HEAD') {
    response.writeHead(status, head).end()
    return
  }
  await carry(response, stream, { from, to, status, head }, options)
}

const WHOLE: RangePlan = { kind: 'whole' }

/** What If-Range does not allow is answered with the whole (RFC 9110 §13.1.5: strong comparison). */
function wantedRange({ headers }: Pick<IncomingMessage, 'headers'>, stream: ReadableStream): RangePlan {
  const condition = headers['if-range']
  if (condition !== undefined && condition !== stream.etag) return WHOLE
  return planRange(parseRange(headers.range), stream.sizeBytes, stream.isGrowing)
}

/** For 416: how long it is. */
export function unsatisfiedRange({ sizeBytes }: Pick<ReadableStream, 'sizeBytes'>): string {
  return `bytes */${sizeBytes}`
}

/** Weak comparison: RFC 9110 §13.1.2. */
function isMatch(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}

interface Part {
  from: number
  to: number
  status: number
  head: Head
}

async function carry(
  response: ServerResponse,
  stream: ReadableStream,
  { from, to, status, head }: Part,
  { limits, signal, onDropped }: AnswerOptions,
): Promise<void> {
  const pump = await stream.read({
    from,
    to,
    lagBytesMax: limits.lagBytesMax,
    write(bytes) {
      response.write(bytes)
      return !response.writableNeedDrain
    },
    onEnd(end) {
      if (end === 'slow') onDropped('slow')
      endAnswer(response, end)
    },
  })
  const cut = (): void => {
    pump.stop()
    response.destroy()
  }
  signal?.addEventListener('abort', cut, { once: true })
  response.once('close', () => {
    pump.stop()
    signal?.removeEventListener('abort', cut)
  })
  if (response.destroyed || response.socket?.destroyed === true || signal?.aborted === true) return cut()
  cutIdleReader(response, limits.readerIdleMs, onDropped)
  // Somebody whose machine is gone is noticed also while the stream says nothing.
  response.socket?.setKeepAlive(true, KEEP_ALIVE_MS)
  response.on('drain', () => pump.resume())
  response.writeHead(status, head)
  response.flushHeaders()
  pump.resume()
}

export function cutIdleReader(response: ServerResponse, idleMs: number, onDropped: DropCounter): void {
  response.setTimeout(idleMs, () => {
    if (response.writableLength === 0) return
    onDropped('idle')
    response.destroy()
  })
}

function endAnswer(response: ServerResponse, end: PumpEnd): void {
  if (end === 'complete') response.end()
  else breakOff(response)
}

/** An answer that is not all there ends with its connection, after everything that there is. */
export function breakOff(response: ServerResponse): void {
  if (response.socket) response.socket.destroySoon()
  // Others go out over its connection before it.
  else response.once('socket', (socket: Socket) => setImmediate(() => socket.destroySoon()))
}

import { createHash, timingSafeEqual, type Hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest, RequestPayload } from 'fastify'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { HttpServerLimits } from './http-limits.ts'
import { inPieces } from './pieces.ts'

type Limits = Pick<HttpServerLimits, 'signedBodyBytesMax' | 'signedBytesMax'>

/** First room for a body that does not say how long it is. */
const FIRST_BYTES = 64 * 1024
const RETRY_SECONDS = 1

/**
 * A body whose digest was signed is read whole and checked before anybody sees a byte of it, and handed on as a stream
 * of the same bytes. Comes after the hook that makes streams of bodies, so that it waits no longer than others do.
 *
 * Fails with BODY_TOO_LARGE beyond `signedBodyBytesMax`, TOO_MANY_REQUESTS when all of them together would exceed
 * `signedBytesMax`, SIGNATURE_REFUSED when the digest is another one.
 */
export function checkSignedBodies(app: FastifyInstance, limits: Limits, counters: Counters): void {
  const memory = new SignedMemory(limits.signedBytesMax, counters)
  app.addHook('preParsing', (request, reply, payload, done) => {
    // Nearly all requests: they are not to wait for a promise.
    if (request.bodySha256 === null) return done(null, payload)
    const room = memory.room()
    // Whatever becomes of it.
    reply.raw.once('close', () => room.free())
    void handOn(checkedBody(request, payload, { hash: createHash('sha256'), room, limits }), done)
  })
}

async function handOn(
  checked: Promise<RequestPayload>,
  done: (error: Error | null, body?: RequestPayload) => void,
): Promise<void> {
  let body: RequestPayload
  try {
    body = await checked
  } catch (error) {
    done(error as Error)
    return
  }
  done(null, body)
}

async function checkedBody(
  { raw, bodySha256 }: FastifyRequest,
  payload: RequestPayload,
  reading: Reading,
): Promise<RequestPayload> {
  const body = payload === raw ? undefined : await readWhole(payload, raw, reading)
  const found = reading.hash.digest()
  if (found.length !== bodySha256?.length || !timingSafeEqual(found, bodySha256)) {
    throw new AppError('SIGNATURE_REFUSED', { detail: 'the body is not the one that was signed' })
  }
  return body ? inPieces(body, () => reading.room.free()) : payload
}

interface Reading {
  hash: Hash
  room: Room
  limits: Limits
}

async function readWhole(
  payload: RequestPayload,
  raw: IncomingMessage,
  { hash, room, limits }: Reading,
): Promise<Buffer> {
  const { signedBodyBytesMax: bytesMax } = limits
  const announced = Number(raw.headers['content-length'] ?? Number.NaN)
  if (announced > bytesMax) throw tooLarge(bytesMax)
  let buffer = room.take(Number.isNaN(announced) ? Math.min(FIRST_BYTES, bytesMax) : announced)
  let length = 0
  for await (const chunk of payload as AsyncIterable<Buffer>) {
    const needed = length + chunk.length
    if (needed > bytesMax) throw tooLarge(bytesMax)
    if (needed > buffer.length) {
      const larger = room.take(Math.min(bytesMax, Math.max(needed, 2 * buffer.length)))
      buffer.copy(larger, 0, 0, length)
      room.giveBack(buffer)
      buffer = larger
    }
    hash.update(chunk)
    // Copied: many small chunks would cost many times their length.
    chunk.copy(buffer, length)
    length = needed
  }
  return buffer.subarray(0, length)
}

function tooLarge(bytesMax: number): AppError {
  return new AppError('BODY_TOO_LARGE', {
    detail: `the limit for a signed body is ${bytesMax} bytes`,
    hint: 'Send it in several requests, or with the key itself instead of a signature.',
  })
}

/** The memory of all signed bodies that are on their way. */
class SignedMemory {
  readonly #bytesMax: number
  readonly #counters: Counters
  #bytes = 0

  constructor(bytesMax: number, counters: Counters) {
    this.#bytesMax = bytesMax
    this.#counters = counters
  }

  room(): Room {
    return new Room((bytes) => this.#change(bytes))
  }

  #change(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#bytesMax) {
      this.#counters.add('http_limited_total', { limit: 'signed_bytes' })
      throw new AppError('TOO_MANY_REQUESTS', {
        detail: 'too many signed bodies are being checked',
        retryAfterSeconds: RETRY_SECONDS,
      })
    }
    this.#bytes += bytes
  }
}

/** The memory of one of them. */
class Room {
  readonly #change: (bytes: number) => void
  #bytes = 0
  #isFree = false

  constructor(change: (bytes: number) => void) {
    this.#change = change
  }

  take(bytes: number): Buffer {
    this.#count(bytes)
    return Buffer.allocUnsafeSlow(bytes)
  }

  giveBack(buffer: Buffer): void {
    this.#count(-buffer.length)
  }

  /** For good: what is still done for a request that is over does not count. More than once is no mistake. */
  free(): void {
    this.#count(-this.#bytes)
    this.#isFree = true
  }

  #count(bytes: number): void {
    if (this.#isFree) return
    this.#change(bytes)
    this.#bytes += bytes
  }
}

/** livelog's two interfaces over HTTP, whoever is behind them: docs/sources/livestream.md#livelog. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError } from '../../core/errors.ts'
import { answerBytes, unsatisfiedRange, type DropCounter, type ReadableStream, type ReaderLimits } from './answer.ts'
import { copyBody, type TakeBytes } from './body-copy.ts'

/** Whoever takes the log. */
export interface LogWriter {
  append: TakeBytes
  /** Aborts when it is not taken any further. */
  isCut: AbortSignal
  /** That was all. */
  finish(): Promise<void>
  /** The sender went away before its end. */
  interrupt(): Promise<void>
}

/** What is answered instead of doing what was asked. */
export class LogRefusal extends Error {
  override readonly name = 'LogRefusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text)
    this.status = status
    this.headers = headers
  }
}

export const ONE_PUT = 'This endpoint can only process one http PUT at a time'
const PUT_ONLY = 'This endpoint can only handle PUT requests'
const DENIED = 'Access denied'
const TEXT = 'text/plain; charset=utf-8'
const LOG = '/log'
/** How long what nobody wants is still read. */
const DISCARD_MS_MAX = 10_000
const GET_METHODS = 'GET, HEAD, OPTIONS'

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Asks first whether the sender may ask at all. `admit` throws LogRefusal or AppError. */
export function limitedHandler(handler: Handler, admit: (request: IncomingMessage) => void): Handler {
  return async (request, response) => {
    try {
      admit(request)
    } catch (error) {
      return refuse(request, response, refusalOf(error))
    }
    await handler(request, response)
  }
}

/** `PUT /log`. `begin` throws LogRefusal. To be used for requests that ask before they send their body as well. */
export function putHandler(begin: (request: IncomingMessage) => Promise<LogWriter>): Handler {
  return async (request, response) => {
    if (pathOf(request) !== LOG) return notFound(request, response)
    if (request.method !== 'PUT') return refuse(request, response, new LogRefusal(400, PUT_ONLY))
    let writer: LogWriter
    try {
      writer = await begin(request)
    } catch (error) {
      return refuse(request, response, refusalOf(error))
    }
    try {
      if (request.headers.expect !== undefined) response.writeContinue()
      await copyBody(request, writer.append, writer.isCut)
      await writer.finish()
      response.writeHead(201, { 'content-length': 0 }).end()
    } catch (error) {
      await writer.interrupt()
      refuse(request, response, refusalOf(error))
    }
  }
}

export interface GetDoor {
  /** Whether pages of others may read the log: then whoever knows the token may. */
  hasCors: boolean
  limits: ReaderLimits
  onDropped: DropCounter
  /** Who asks may see the log, until the signal aborts. `shown`: what stands behind /log/, as it was sent. LogRefusal. */
  admit(request: IncomingMessage, shown: string, response: ServerResponse): { signal?: AbortSignal }
  /** The log there is, or the one that begins within a while. */
  find(request: IncomingMessage, response: ServerResponse): Promise<ReadableStream | undefined>
}

/** `GET /log/<token>`. */
export function getHandler(door: GetDoor): Handler {
  const cors = door.hasCors
    ? {
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'Transfer-Encoding, Content-Range, Accept-Ranges, ETag',
      }
    : {}
  return async (request, response) => {
    for (const [name, value] of Object.entries(cors)) response.setHeader(name, value)
    const { url = '' } = request
    if (pathOf(request) === LOG) return moved(request, response, `${LOG}/${url.slice(LOG.length)}`)
    if (!url.startsWith(`${LOG}/`)) return notFound(request, response)
    const shown = url.slice(LOG.length + 1)
    if (shown.startsWith('/')) return moved(request, response, `${LOG}/${shown.replace(/^\/+/, '')}`)
    if (request.method === 'OPTIONS') return preflight(response, door.hasCors)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refuse(request, response, new LogRefusal(405, 'This endpoint can only be read', { allow: GET_METHODS }))
    }
    let stream: ReadableStream | undefined
    try {
      const { signal } = door.admit(request, shown, response)
      stream = await door.find(request, response)
      if (!stream) throw new LogRefusal(404, 'There is no log yet', { 'retry-after': '1' })
      response.setHeader('content-type', TEXT)
      const { limits, onDropped } = door
      await answerBytes(request, response, stream, { limits, onDropped, ...(signal && { signal }) })
    } catch (error) {
      if (error instanceof AppError && error.code === 'STREAM_RANGE_WRONG' && stream) {
        const headers = { 'content-range': unsatisfiedRange(stream), 'accept-ranges': 'bytes' }
        return refuse(request, response, new LogRefusal(416, error.message, headers))
      }
      refuse(request, response, refusalOf(error))
    }
  }
}

export function denied(): LogRefusal {
  return new LogRefusal(401, DENIED)
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? ''
}

function refusalOf(error: unknown): LogRefusal {
  if (error instanceof LogRefusal) return error
  if (error instanceof AppError) {
    const { status, message, hint, retryAfterSeconds } = error
    const text = hint === undefined ? message : `${message}\n${hint}`
    return new LogRefusal(
      status,
      text,
      retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
    )
  }
  return new LogRefusal(500, 'Could not take the log')
}

function refuse(request: IncomingMessage, response: ServerResponse, { status, message, headers }: LogRefusal): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  if (!request.complete) discardRest(request)
  response.writeHead(status, { 'content-type': TEXT, 'content-length': Buffer.byteLength(message), ...headers })
  response.end(message)
}

/** Many senders look for the answer only after their body: it is read, within limits, so that the answer arrives. */
function discardRest(request: IncomingMessage): void {
  const cutOff = setTimeout(() => request.destroy(), DISCARD_MS_MAX)
  request.once('close', () => clearTimeout(cutOff))
  request.resume()
}

function notFound(request: IncomingMessage, response: ServerResponse): void {
  refuse(request, response, new LogRefusal(404, '404 page not found\n', { 'x-content-type-options': 'nosniff' }))
}

function moved(request: IncomingMessage, response: ServerResponse, location: string): void {
  const refusal = new LogRefusal(301, 'Moved permanently\n', { location })
  refuse(request, response, refusal)
}

function preflight(response: ServerResponse, hasCors: boolean): void {
  const headers = hasCors
    ? {
        'access-control-allow-methods': GET_METHODS,
        'access-control-allow-headers': 'Range, If-Range, If-None-Match',
        'access-control-max-age': '600',
      }
    : {}
  response.writeHead(204, { allow: GET_METHODS, ...headers }).end()
}

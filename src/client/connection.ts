import http from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import type { Problem } from '../core/errors.ts'
import { ServerAway, ServerProblem, type AnswerTimes, type AwayCircumstances } from './failures.ts'
import { createRequestSigner, type RequestSigner } from './request-signer.ts'
import { createTlsAgent, type ClientTls } from './tls.ts'

/** What a request may carry. A stream is sent as it comes, no faster than the server takes it. */
export type Body = Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Undefined values are left out. */
  parameters?: Readonly<Record<string, string | number | undefined>>
  headers?: Readonly<Record<string, string>>
  body?: Body
  signal?: AbortSignal | undefined
  /** Longest silence on the connection; 0: as long as it likes. */
  silenceMsMax?: number
  /** Statuses besides 2xx that are answers and not problems. */
  acceptedStatuses?: readonly number[]
}

export interface Connection {
  readonly url: string
  /** Resolves with the head of a good answer, its body unread. Rejects with ServerProblem or ServerAway. */
  open(path: string, options?: RequestOptions): Promise<http.IncomingMessage>
  /** The whole answer as JSON. */
  json<T>(path: string, options?: RequestOptions): Promise<T>
  /** Cuts what is open. */
  close(): void
}

export interface ConnectionOptions {
  url: string
  /** A key, or a token made of one; a function is asked before each request. */
  key?: string | (() => string | undefined) | undefined
  /** Signs each request with the key, which has to have the role write, instead of showing it. */
  sign?: boolean
  /** For https URLs; without it the authorities that Node.js knows decide. */
  tls?: ClientTls | undefined
  connectionsMax?: number
  /** Milliseconds since 1970, for signatures. */
  clock?: () => number
}

const SILENCE_MS_MAX = 60_000
/** Bytes of a problem document or foreign answer that are read. */
const PROBLEM_CHARS_MAX = 4 * 1024 * 1024

/**
 * node:http rather than fetch: it gives keep-alive, streaming bodies and silence limits a handle, and starts faster.
 * Throws when what `tls` holds cannot be used.
 */
export function openConnection(options: ConnectionOptions): Connection {
  const { url, key, sign = false, tls = {}, connectionsMax = 4, clock = Date.now } = options
  const base = new URL(url)
  const isSecure = base.protocol === 'https:'
  const send = isSecure ? https.request : http.request
  const agent = isSecure
    ? createTlsAgent(tls, connectionsMax)
    : new http.Agent({ keepAlive: true, maxSockets: connectionsMax })
  const prefix = base.pathname.replace(/\/$/, '')
  const shownUrl = `${base.origin}${prefix}`
  const circumstances: AwayCircumstances = isSecure
    ? { hasAuthority: tls.ca !== undefined, hasCertificate: tls.cert !== undefined, isNewSecure: true }
    : {}
  const keyNow = typeof key === 'function' ? key : () => key
  const showKey = (): Record<string, string> => {
    const shown = keyNow()
    return shown === undefined ? {} : { authorization: `Bearer ${shown}` }
  }
  const signer = sign ? createRequestSigner(keyNow(), clock) : undefined

  const open = async (path: string, options: RequestOptions = {}): Promise<http.IncomingMessage> => {
    const target = new URL(`${prefix}${path}`, base.origin)
    for (const [name, value] of Object.entries(options.parameters ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value))
    }
    const response = await exchange(
      send,
      target,
      { shownUrl, agent, circumstances },
      {
        ...options,
        headers: { ...(signer ? signed(signer, target, options) : showKey()), ...options.headers },
      },
    )
    const status = response.statusCode ?? 0
    if ((status >= 200 && status < 300) || options.acceptedStatuses?.includes(status)) return response
    throw await problemOf(response, status, shownUrl, clock())
  }
  return {
    url: shownUrl,
    open,
    async json<T>(path: string, options: RequestOptions = {}) {
      const response = await open(path, options)
      const body = await readText(response, shownUrl, options.signal)
      try {
        return JSON.parse(body) as T
      } catch {
        throw foreignAnswer(response, response.statusCode ?? 0, shownUrl)
      }
    },
    close: () => agent.destroy(),
  }
}

interface Way {
  shownUrl: string
  agent: http.Agent
  /** Of a request on a new connection. */
  circumstances: AwayCircumstances
}

function exchange(
  send: typeof http.request,
  target: URL,
  { shownUrl, agent, circumstances }: Way,
  options: RequestOptions,
): Promise<http.IncomingMessage> {
  const { body, signal, silenceMsMax = SILENCE_MS_MAX } = options
  const headers: Record<string, string | number> = { ...options.headers }
  const pieces = body === undefined ? [] : wholePieces(body)
  if (pieces !== undefined && body !== undefined) {
    headers['content-length'] = pieces.reduce((sum, piece) => sum + piece.length, 0)
  }
  return new Promise((resolve, reject) => {
    const method = options.method ?? 'GET'
    const request = send(target, { method, headers, agent, ...(signal === undefined ? {} : { signal }) })
    const giveUp = (): void => {
      request.destroy(new Error(`no answer within ${Math.round(silenceMsMax / 1000)} s`))
    }
    request.setTimeout(silenceMsMax, giveUp)
    let isConnected = false
    onConnected(request, silenceMsMax, giveUp, () => (isConnected = true))
    request.once('response', resolve)
    request.on('error', (error) => {
      const known = { ...circumstances, isConnected, ...(request.reusedSocket && { isNewSecure: false }) }
      reject(signal?.aborted ? (signal.reason as Error) : new ServerAway(shownUrl, error, known))
    })
    // A request without a connection yet does not say that it was aborted.
    const onAbort = (): void => reject(signal?.reason as Error)
    signal?.addEventListener('abort', onAbort, { once: true })
    request.once('close', () => signal?.removeEventListener('abort', onAbort))
    if (pieces !== undefined) {
      for (const piece of pieces) request.write(piece)
      request.end()
    } else {
      // Its first byte may take a while, and the server is to know of it.
      request.flushHeaders()
      pipeline(Readable.from(body as AsyncIterable<Uint8Array>), request).catch((error: Error) =>
        request.destroy(error),
      )
    }
  })
}

/** Tells when there is a connection to send on; the time for that counts as well, which `setTimeout` does not see to. */
function onConnected(request: http.ClientRequest, msMax: number, giveUp: () => void, connected: () => void): void {
  request.once('socket', (socket) => {
    if (request.reusedSocket || !socket.connecting) return connected()
    const timer = msMax === 0 ? undefined : setTimeout(giveUp, msMax)
    const stop = (): void => clearTimeout(timer)
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      stop()
      connected()
    })
    request.once('close', stop)
  })
}

function signed(sign: RequestSigner, target: URL, { method = 'GET', body }: RequestOptions): Record<string, string> {
  const pieces = body === undefined ? [] : wholePieces(body)
  if (pieces === undefined) throw new TypeError('A stream cannot be signed: give the body as a whole')
  return sign(method, `${target.pathname}${target.search}`, pieces)
}

function wholePieces(body: Body): readonly Uint8Array[] | undefined {
  if (body instanceof Uint8Array) return [body]
  return Array.isArray(body) ? (body as readonly Uint8Array[]) : undefined
}

async function readText(response: http.IncomingMessage, url: string, signal?: AbortSignal): Promise<string> {
  try {
    return await text(response)
  } catch (error) {
    throw signal?.aborted ? (signal.reason as Error) : new ServerAway(url, error)
  }
}

async function problemOf(
  response: http.IncomingMessage,
  status: number,
  url: string,
  nowMs: number,
): Promise<ServerProblem> {
  const times = answerTimes(response.headers, nowMs)
  if (!(response.headers['content-type'] ?? '').includes('json')) {
    response.resume()
    return foreignAnswer(response, status, url, times)
  }
  try {
    const body = (await readText(response, url)).slice(0, PROBLEM_CHARS_MAX)
    return new ServerProblem({ ...(JSON.parse(body) as Partial<Problem>), status }, times)
  } catch {
    // The problem document itself was cut off or is no JSON: the status is what we know.
    return foreignAnswer(response, status, url, times)
  }
}

function answerTimes(headers: http.IncomingHttpHeaders, nowMs: number): AnswerTimes {
  const date = Date.parse(headers.date ?? '')
  return {
    retryAfterMs: retryAfterMs(headers['retry-after'], nowMs),
    // The header has whole seconds: half of one is the best guess of what was cut off.
    clockAheadMs: Number.isNaN(date) ? undefined : date + 500 - nowMs,
  }
}

/** Seconds, or the time until which to wait (RFC 9110 §10.2.3). */
function retryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const until = Date.parse(text)
  return Number.isNaN(until) ? undefined : Math.max(0, until - nowMs)
}

function foreignAnswer(
  response: http.IncomingMessage,
  status: number,
  url: string,
  times?: AnswerTimes,
): ServerProblem {
  const { location } = response.headers
  if (status >= 300 && status < 400 && location !== undefined) {
    const detail = `${url} answered ${status}: it sends to ${location}, where nothing of it is sent by itself.`
    return new ServerProblem({ status, detail, hint: 'Name that address, if it is the right one.' }, times)
  }
  const kind = response.headers['content-type'] ?? 'nothing'
  const detail = `${url} answered ${status} with ${kind}, which is not what a Tailrace server answers.`
  return new ServerProblem({ status, detail, hint: 'Check the address: is something else listening there?' }, times)
}

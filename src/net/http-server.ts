/**
 * net: listeners and what every protocol on them needs: limits, timeouts, framing, orderly closing, counters. It knows
 * bytes and connections, never what they mean. Here: the one HTTP server that the http source, the API and the page
 * share.
 */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Counters } from '../core/counters.ts'
import { AppError, problemDocument } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { bodyStream } from './body-stream.ts'
import { guardRoutes, type HttpAccess } from './http-access.ts'
import { HTTP_SERVER_LIMITS, type HttpServerLimits } from './http-limits.ts'
import { problemOf } from './http-problem.ts'
import { type KnownRoute, methodsAt } from './http-routes.ts'

export interface HttpServerOptions {
  limits?: Partial<HttpServerLimits>
  logger: Logger
  counters: Counters
  /** Who may do what; without it everybody may do everything. */
  access?: HttpAccess
  /** Makes the id of a request that brings none; a random one by default. */
  requestId?: () => string
}

export interface HttpServer {
  /** Register routes on this before `listen`. */
  app: FastifyInstance
  /** Resolves with the real address once it accepts connections. Rejects with LISTEN_FAILED. */
  listen(host: string, port: number): Promise<{ host: string; port: number; url: string }>
  /**
   * Stops accepting, ends idle connections at once, and resolves when every request under way has been answered, or
   * been cut off after `closeMs`.
   */
  close(): Promise<void>
}

/** About how long a restart takes. */
const CLOSING_RETRY_SECONDS = 5
const REQUEST_ID = /^[\w.:-]{1,128}$/

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const limits: HttpServerLimits = { ...HTTP_SERVER_LIMITS, ...options.limits }
  const requestId = options.requestId ?? randomUUID
  const app = Fastify({
    bodyLimit: limits.bodyBytesMax,
    keepAliveTimeout: limits.keepAliveMs,
    // Bodies may take as long as they keep moving: see bodyIdleMs.
    requestTimeout: 0,
    connectionTimeout: 0,
    http: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersMs),
    },
    forceCloseConnections: 'idle',
    // The refusal has to be a problem document like any other: the first hook makes it.
    return503OnClosing: false,
    frameworkErrors: (error, _request, reply) => {
      void sendProblem(reply, problemOf(error))
    },
    clientErrorHandler: (error, socket) => refuseMalformed(error, socket, options.counters),
    genReqId: (raw) => {
      const given = raw.headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : requestId()
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
  const state = { isClosing: false }
  addHooks(app, limits, options.counters, state)
  guardRoutes(app, options.access)
  addProblems(app, options)
  watchConnections(app, limits, options.counters)
  return {
    app,
    listen: (host, port) => listen(app, host, port),
    close: () => close(app, limits, state),
  }
}

function addHooks(
  app: FastifyInstance,
  limits: HttpServerLimits,
  counters: Counters,
  state: { isClosing: boolean },
): void {
  const requests = new Map<number, ReturnType<Counters['counter']>>()
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done(state.isClosing ? new AppError('SERVER_CLOSING', { retryAfterSeconds: CLOSING_RETRY_SECONDS }) : undefined)
  })
  app.addHook('preParsing', (request, _reply, payload, done) => {
    done(null, hasBody(request) ? bodyStream(request.raw, limits.bodyIdleMs) : payload)
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    if (state.isClosing) reply.header('connection', 'close')
    if (!request.raw.complete && hasBody(request)) dropRest(request, limits, state)
    done(null, payload)
  })
  app.addHook('onResponse', (request, reply, done) => {
    // Answers that began before closing did not say that the connection ends with them.
    if (state.isClosing && request.raw.complete) request.raw.socket.destroySoon()
    let counter = requests.get(reply.statusCode)
    if (!counter) {
      counter = counters.counter('http_requests_total', { status: String(reply.statusCode) })
      requests.set(reply.statusCode, counter)
    }
    counter.add()
    done()
  })
}

function hasBody(request: FastifyRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  return encoding !== undefined || (length !== undefined && length !== '0')
}

/** The answer goes out before the body has ended: reads on for a while, as senders often look for it only afterwards. */
function dropRest({ raw }: FastifyRequest, limits: HttpServerLimits, state: { isClosing: boolean }): void {
  let bytes = 0
  const cutOff = setTimeout(() => raw.destroy(), limits.bodyIdleMs)
  raw.once('close', () => clearTimeout(cutOff))
  raw.once('end', () => {
    clearTimeout(cutOff)
    if (state.isClosing) raw.socket.destroySoon()
  })
  raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > limits.discardBytesMax) raw.destroy()
  })
  raw.resume()
}

function addProblems(app: FastifyInstance, { logger, counters }: HttpServerOptions): void {
  const routes: KnownRoute[] = []
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: Array.isArray(method) ? method : [method], url })
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    if (problem.code === 'INTERNAL') {
      logger.error({ err: error, requestId: request.id, method: request.method, url: request.url }, 'A request failed')
    }
    counters.add('http_errors_total', { code: problem.code })
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const allowed = methodsAt(routes, path)
    if (allowed.length === 0) return sendProblem(reply, new AppError('NOT_FOUND', { detail: `nothing is at ${path}` }))
    const detail = `${path} allows ${allowed.join(', ')}`
    return sendProblem(reply.header('allow', allowed.join(', ')), new AppError('METHOD_NOT_ALLOWED', { detail }))
  })
}

function sendProblem(reply: FastifyReply, problem: AppError): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds))
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problemDocument(problem)))
}

function watchConnections(app: FastifyInstance, limits: HttpServerLimits, counters: Counters): void {
  const { server } = app
  const opened = counters.counter('http_connections_total')
  server.maxConnections = limits.connectionsMax
  server.on('connection', () => opened.add())
  server.on('drop', () => counters.add('http_connections_refused_total'))
}

/** Answers what is no HTTP, or whose headers are too large or too slow, and closes the connection. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, counters: Counters): void {
  const reason = MALFORMED[error.code ?? ''] ?? 'malformed'
  counters.add('http_malformed_requests_total', { reason })
  if (!socket.writable) {
    socket.destroy(error)
    return
  }
  const [status, problem] =
    reason === 'slow_headers'
      ? ['408 Request Timeout', new AppError('BODY_TIMEOUT', { detail: 'the headers arrived too slowly' })]
      : reason === 'large_headers'
        ? [
            '431 Request Header Fields Too Large',
            new AppError('REQUEST_INVALID', { detail: 'the headers are too large' }),
          ]
        : ['400 Bad Request', new AppError('REQUEST_INVALID', { detail: 'this is not a valid HTTP request' })]
  const text = JSON.stringify({ ...problemDocument(problem), status: Number(status.slice(0, 3)) })
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}

const MALFORMED: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'slow_headers',
  HPE_HEADER_OVERFLOW: 'large_headers',
  ECONNRESET: 'reset',
}

async function listen(
  app: FastifyInstance,
  host: string,
  port: number,
): Promise<{ host: string; port: number; url: string }> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('LISTEN_FAILED', { cause, detail: `${host}:${port}: ${reason}` })
  }
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('an HTTP listener has no port')
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { host: address.address, port: address.port, url: `http://${shown}:${address.port}` }
}

async function close(app: FastifyInstance, limits: HttpServerLimits, state: { isClosing: boolean }): Promise<void> {
  state.isClosing = true
  const cutOff = setTimeout(() => app.server.closeAllConnections(), limits.closeMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cutOff)
  }
}

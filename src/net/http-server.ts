/**
 * net: listeners and what every protocol on them needs: limits, timeouts, framing, orderly closing, counters. It knows
 * bytes and connections, never what they mean. Here: the one HTTP server that the http source, the API and the page
 * share.
 */
import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Counters } from '../core/counters.ts'
import { AppError, problemDocument } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { guardRoutes, type HttpAccess } from './http-access.ts'
import { readBodies } from './http-body.ts'
import { guardFraming } from './http-framing.ts'
import { hardenAnswers } from './http-hardening.ts'
import { HTTP_SERVER_LIMITS, type HttpServerLimits } from './http-limits.ts'
import { loggedRequest } from './http-log.ts'
import { refuseMalformed } from './http-malformed.ts'
import { guardOrigins, type HttpNames } from './http-origin.ts'
import { problemOf } from './http-problem.ts'
import { createRates, type HttpRates } from './http-rates.ts'
import { type KnownRoute, methodsAt } from './http-routes.ts'
import { checkSignedBodies } from './signed-body.ts'
import { cutSlowReaders } from './slow-readers.ts'
import { formatHostPort } from './listen-address.ts'
import { listenFailure } from './listen-failure.ts'
import { renewTls, tlsFactory, type TlsListener, type TlsMaterial } from './tls.ts'
import { endWaitingAnswers } from './waiting-answers.ts'

export interface HttpServerOptions {
  limits?: Partial<HttpServerLimits>
  logger: Logger
  counters: Counters
  /** Who may do what; without it everybody may do everything. */
  access?: HttpAccess
  /** None but localhost and addresses, and no other page, unless given. */
  names?: Partial<HttpNames>
  /** Addresses and CIDR ranges of proxies whose X-Forwarded headers say where a request comes from. */
  trustedProxies?: readonly string[]
  /** Browsers are told to come by HTTPS only, for a year. */
  strictTransport?: boolean
  /** HTTPS instead of HTTP. */
  tls?: TlsMaterial | undefined
  /** For rates: milliseconds, never going back. */
  clock?: () => number
  /** Makes the id of a request that brings none; a random one by default. */
  requestId?: () => string
}

export interface HttpServer extends TlsListener {
  /** Register routes on this before `listen`. */
  app: FastifyInstance
  /** For listeners beside it: what somebody does there counts here as well. */
  rates: HttpRates
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
/** RFC 9110 §11.6.1. Names no scheme that makes a browser ask for a name and a password. */
const CHALLENGE = 'Bearer realm="tailrace"'
const REQUEST_ID = /^[\w.:-]{1,128}$/

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const limits: HttpServerLimits = { ...HTTP_SERVER_LIMITS, ...options.limits }
  const { access, counters } = options
  const state = { isClosing: false }
  const app = createApp(options, limits, (error, request, reply) => {
    // These come before any hook: nothing of the request has been looked at.
    harden(reply)
    endConnection(request, reply)
    const problem = problemOf(error)
    counters.add('http_errors_total', { code: problem.code })
    bodies.drop(request, reply)
    void sendProblem(reply, problem)
  })
  const rates = createRates(limits, counters, options.clock ?? (() => performance.now()))
  const harden = hardenAnswers(app, { strictTransport: options.strictTransport ?? false })
  cutSlowReaders(app, limits.answerIdleMs, counters)
  addHooks(app, counters, state)
  const endConnection = guardFraming(app)
  guardOrigins(app, () => access?.isOpen ?? true, { hosts: [], corsOrigins: [], ...options.names })
  guardRoutes(app, access, rates)
  const bodies = readBodies(app, limits, { isClosing: () => state.isClosing, endConnection })
  checkSignedBodies(app, limits, counters)
  addProblems(app, options, rates)
  watchConnections(app, limits, counters)
  return {
    app,
    rates,
    listen: (host, port) => listen(app, host, port, options.tls ? 'https' : 'http'),
    renewTls: (material) => renewTls(app.server, material),
    close: () => {
      state.isClosing = true
      bodies.endDiscarded()
      return close(app, limits)
    },
  }
}

function createApp(
  { trustedProxies = [], requestId = randomUUID, counters, tls }: HttpServerOptions,
  limits: HttpServerLimits,
  frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => void,
) {
  return Fastify({
    bodyLimit: limits.bodyBytesMax,
    // Names in paths may be as long as the head of a request.
    routerOptions: { maxParamLength: limits.headerBytesMax },
    keepAliveTimeout: limits.keepAliveMs,
    // Bodies may take as long as they keep moving: see bodyIdleMs.
    requestTimeout: 0,
    connectionTimeout: 0,
    http: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersMs),
      // The refusal has to be a problem document like any other: guardFraming makes it.
      requireHostHeader: false,
    },
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    ...(tls && { serverFactory: tlsFactory(tls, limits.headersMs, counters) }),
    forceCloseConnections: 'idle',
    // The same.
    return503OnClosing: false,
    frameworkErrors,
    clientErrorHandler: (error, socket) => refuseMalformed(error, socket, counters),
    genReqId: (raw) => {
      const given = raw.headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : requestId()
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
}

function addHooks(app: FastifyInstance, counters: Counters, state: { isClosing: boolean }): void {
  const requests = new Map<number, ReturnType<Counters['counter']>>()
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done(state.isClosing ? new AppError('SERVER_CLOSING', { retryAfterSeconds: CLOSING_RETRY_SECONDS }) : undefined)
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (state.isClosing) reply.header('connection', 'close')
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

function addProblems(app: FastifyInstance, { logger, counters }: HttpServerOptions, rates: HttpRates): void {
  const routes: KnownRoute[] = []
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: Array.isArray(method) ? method : [method], url })
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = rates.counted(request, problemOf(error))
    if (problem.code === 'INTERNAL') {
      logger.error({ err: error, ...loggedRequest(request) }, 'A request failed')
    }
    counters.add('http_errors_total', { code: problem.code })
    return sendProblem(reply, problem)
  })
  const absent = (request: FastifyRequest, reply: FastifyReply): AppError => {
    const path = request.url.split('?', 1)[0] ?? ''
    const allowed = methodsAt(routes, path)
    if (allowed.length === 0) return new AppError('NOT_FOUND', { detail: `nothing is at ${path}` })
    reply.header('allow', allowed.join(', '))
    return new AppError('METHOD_NOT_ALLOWED', { detail: `${path} allows ${allowed.join(', ')}` })
  }
  // Here already: fastify would read the body first, and complain about that.
  app.addHook('onRequest', (request, reply, done) => done(request.is404 ? absent(request, reply) : undefined))
  app.setNotFoundHandler((request, reply) => {
    throw absent(request, reply)
  })
}

function sendProblem(reply: FastifyReply, problem: AppError): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', CHALLENGE)
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds))
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json')
    .send(JSON.stringify(problemDocument(problem)))
}

function watchConnections(app: FastifyInstance, limits: HttpServerLimits, counters: Counters): void {
  const { server } = app
  const opened = counters.counter('http_connections_total')
  // Node leaves headers out from the thousandth on, silently: their bytes are bounded already.
  server.maxHeadersCount = 0
  server.maxConnections = limits.connectionsMax
  endWaitingAnswers(server)
  server.on('connection', () => opened.add())
  server.on('drop', () => counters.add('http_connections_refused_total'))
}

async function listen(
  app: FastifyInstance,
  host: string,
  port: number,
  scheme: 'http' | 'https',
): Promise<{ host: string; port: number; url: string }> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    const hint = 'Choose another port with --port (0 picks a free one); `tailrace doctor` says whose it is.'
    throw listenFailure(formatHostPort(host, port), cause as NodeJS.ErrnoException, hint)
  }
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('an HTTP listener has no port')
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return { host: address.address, port: address.port, url: `${scheme}://${shown}:${address.port}` }
}

async function close(app: FastifyInstance, limits: HttpServerLimits): Promise<void> {
  const cutOff = setTimeout(() => app.server.closeAllConnections(), limits.closeMs)
  try {
    await app.close()
  } finally {
    clearTimeout(cutOff)
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { endedError } from '../core/principal.ts'
import { bodyStream } from './body-stream.ts'
import type { EndConnection } from './http-framing.ts'
import type { HttpServerLimits } from './http-limits.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it comes. */
    bodyReader: Readable | null
  }
  interface FastifyContextConfig {
    /** Longest silence within a body of this route, instead of the server's. */
    bodyIdleMs?: number
  }
}

type BodyLimits = Pick<HttpServerLimits, 'bodyIdleMs' | 'discardBytesMax'>

/** Requests whose sender waits to be told that it may send the body, and has not been. */
type Waiting = WeakSet<IncomingMessage>

/**
 * Bodies come as fast as their reader asks for them. A sender that asks first (`Expect: 100-continue`, RFC 9110
 * §10.1.1) is told to go on only then, so that a request which is refused costs it no body. What is left of a body when
 * its request was answered is read and thrown away within limits, as many senders look for the answer only afterwards.
 * When whoever sends it may do so no longer, what is being read fails at once.
 */
export function readBodies(
  app: FastifyInstance,
  limits: BodyLimits,
  { isClosing, endConnection }: { isClosing: () => boolean; endConnection: EndConnection },
): Bodies {
  const waiting: Waiting = new WeakSet()
  const discarded = new Set<IncomingMessage>()
  app.decorateRequest('bodyReader', null)
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request)
    app.server.emit('request', request, response)
  })
  // Expectations that nobody knows are no reason to refuse (§10.1.1 leaves the choice).
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response))
  app.addHook('preParsing', (request, reply, payload, done) => {
    const { raw } = request
    if (!hasBody(raw)) return done(null, payload)
    const onRead = waiting.has(raw) ? () => goOn(raw, reply, waiting) : undefined
    request.bodyReader = bodyStream(raw, request.routeOptions.config.bodyIdleMs ?? limits.bodyIdleMs, onRead)
    endWithPrincipal(request, request.bodyReader, reply)
    done(null, request.bodyReader)
  })
  const drop: Bodies['drop'] = (request, reply) => {
    const { raw } = request
    request.bodyReader?.destroy()
    if (raw.complete || !hasBody(raw)) return
    // Whether the body follows or the next request cannot be known.
    if (waiting.has(raw)) endConnection(request, reply)
    if (isClosing() || !reply.raw.shouldKeepAlive) linger(raw)
    // A parser of fastify set it: the connection would end within the body. What follows the body is in order.
    else reply.removeHeader('connection')
    discarded.add(raw)
    discard(raw, limits, () => discarded.delete(raw))
  }
  app.addHook('onSend', (request, reply, payload, done) => {
    drop(request, reply)
    done(null, payload)
  })
  return {
    drop,
    endDiscarded() {
      for (const { socket } of discarded) socket.end()
    },
  }
}

/** Who may do nothing any more is not read any further: KEY_REFUSED, or KEY_REQUIRED where there were no keys before. */
function endWithPrincipal({ principal }: FastifyRequest, body: Readable, reply: FastifyReply): void {
  const forget = principal.onEnded(() => body.destroy(endedError(principal)))
  body.once('close', forget)
  reply.raw.once('close', forget)
}

function goOn(request: IncomingMessage, reply: FastifyReply, waiting: Waiting): void {
  waiting.delete(request)
  if (!reply.raw.headersSent) reply.raw.writeContinue()
}

export interface Bodies {
  /** To be called when an answer is about to leave, and nothing more of the body will be used. */
  drop(request: FastifyRequest, reply: FastifyReply): void
  /** Says to those who go on with a body after its answer that there is nothing more for them. */
  endDiscarded(): void
}

function discard(raw: IncomingMessage, limits: BodyLimits, onOver: () => void): void {
  let bytes = 0
  const cutOff = setTimeout(() => raw.destroy(), limits.bodyIdleMs)
  raw.once('close', () => {
    clearTimeout(cutOff)
    onOver()
  })
  raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > limits.discardBytesMax) raw.destroy()
  })
  raw.resume()
}

/**
 * Node ends a connection that is not to be kept as soon as the answer is written. While a body is still coming that
 * resets it, and the answer may be lost: here only the sending side is ended, and all of it with the end of the body.
 */
function linger(request: IncomingMessage): void {
  const { socket } = request
  const destroySoon = socket.destroySoon.bind(socket)
  socket.destroySoon = () => void socket.end()
  request.once('end', destroySoon)
}

function hasBody({ headers }: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers
  return encoding !== undefined || (length !== undefined && length !== '0')
}

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../core/errors.ts'

/**
 * What Node's parser lets pass and a proxy in front may understand otherwise: where a request ends, and which host it
 * is for. Such a request is refused, and nothing that follows it on its connection is done, as it may have been written
 * by somebody else (request smuggling).
 */
export function guardFraming(app: FastifyInstance): EndConnection {
  const ending = new WeakSet<Socket>()
  const endConnection: EndConnection = ({ raw }, reply) => {
    ending.add(raw.socket)
    reply.raw.shouldKeepAlive = false
    reply.header('connection', 'close')
  }
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    const detail = framingProblem(raw) ?? hostProblem(raw) ?? (ending.has(raw.socket) ? FOLLOWS : undefined)
    if (detail === undefined) return done()
    endConnection(request, reply)
    done(new AppError('REQUEST_INVALID', { detail }))
  })
  return endConnection
}

/** Makes the answer the last one on its connection, whatever has come there already. */
export type EndConnection = (request: FastifyRequest, reply: FastifyReply) => void

const FOLLOWS = 'it follows a request that was not valid'

/** RFC 9112 §2.3 and §6.1. Node decodes `chunked` only, and would leave other codings to whoever reads the body. */
function framingProblem({ httpVersion, headers }: IncomingMessage): string | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return `HTTP/${httpVersion} is not spoken here`
  const coding = headers['transfer-encoding']
  if (coding === undefined) return undefined
  if (coding.toLowerCase() !== 'chunked') return 'Transfer-Encoding may be chunked, and nothing else'
  return httpVersion === '1.0' ? 'there is no Transfer-Encoding in HTTP/1.0' : undefined
}

/** RFC 9112 §3.2: one Host, and where the address bears a host of its own the same one. */
function hostProblem({ url = '', httpVersion, headers, rawHeaders }: IncomingMessage): string | undefined {
  const { host } = headers
  if (countHosts(rawHeaders) > 1) return 'there is more than one Host header'
  if (host === undefined) {
    return httpVersion === '1.0' && url.startsWith('/') ? undefined : 'the Host header is missing'
  }
  if (url.startsWith('/') || url === '*') return undefined
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]
  return authority?.toLowerCase() === host.toLowerCase() ? undefined : 'the address is not one of the host in Host'
}

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === 'host') count++
  }
  return count
}

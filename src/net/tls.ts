import { createServer, Server, type ServerOptions } from 'node:https'
import { Socket } from 'node:net'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { FastifyServerFactory } from 'fastify'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import { lastAnswer } from './http-malformed.ts'

/** What a listener shows, and whom it lets in. All PEM. */
export interface TlsMaterial {
  /** The server's own certificate first, then those that lead to its authority. */
  cert: string
  key: string
  /** Authorities; when there are any, everybody has to show a certificate of one of them. */
  clientCa?: string | undefined
}

/** The part of a listener that can change while it runs. */
export interface TlsListener {
  /** Shown to new connections; open ones go on with what they have. Sessions are not resumed across it. */
  renewTls(material: TlsMaterial): void
}

/** TLS 1.2 and newer (RFC 8996); ciphers and curves are Node's own, which follow what is known about them. */
export function contextOptions({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa === undefined ? {} : { ca: clientCa }) }
}

/**
 * Makes an HTTPS server of Fastify's options, without HTTP/2. A handshake may take `handshakeMs`. What fails before HTTP
 * begins is counted in `tls_handshakes_failed_total{reason}` and never reaches the `clientError` of HTTP.
 */
export function tlsFactory(material: TlsMaterial, handshakeMs: number, counters: Counters): FastifyServerFactory {
  return (handler, { http, keepAliveTimeout, requestTimeout }) => {
    const server = createServer(
      {
        ...(http as ServerOptions),
        ...contextOptions(material),
        keepAliveTimeout: keepAliveTimeout as number,
        requestTimeout: requestTimeout as number,
        ALPNProtocols: [...HTTP_PROTOCOLS],
        handshakeTimeout: handshakeMs,
        requestCert: material.clientCa !== undefined,
        rejectUnauthorized: material.clientCa !== undefined,
      },
      handler,
    )
    watchHandshakes(server, counters)
    return server
  }
}

/** Has no effect on a server without TLS. */
export function renewTls(server: object, material: TlsMaterial): void {
  if (server instanceof Server) server.setSecureContext(contextOptions(material))
}

function watchHandshakes(server: Server, counters: Counters): void {
  const sockets = rawSockets(server)
  // Node's own listener would pass these on as errors of HTTP.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const reason = failureReason(error, socket)
    counters.add('tls_handshakes_failed_total', { reason })
    const raw = sockets.of(socket)
    if (reason === 'plain_http' && raw?.writable) refusePlain(raw, socket)
    else socket.destroy()
  })
}

/** What HTTP is called in a handshake of TLS: who names something else only is not let in. */
export const HTTP_PROTOCOLS = ['http/1.1', 'http/1.0'] as const

/** The connections below TLS, of which Node tells only before the handshake. */
function rawSockets(server: Server): { of(socket: TLSSocket): Socket | undefined } {
  const sockets = new Map<string, Socket>()
  server.on('connection', (socket) => {
    if (!(socket instanceof Socket)) return
    const name = nameOf(socket)
    sockets.set(name, socket)
    socket.once('close', () => {
      if (sockets.get(name) === socket) sockets.delete(name)
    })
  })
  return { of: (socket) => sockets.get(nameOf(socket)) }
}

function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}

/** How long somebody who spoke plain HTTP may take to read why that is refused. */
const PLAIN_ANSWER_MS_MAX = 1000

/** Nothing is secret yet, and whoever spoke plain HTTP understands only that. */
function refusePlain(raw: Socket, socket: TLSSocket): void {
  const problem = new AppError('REQUEST_INVALID', {
    detail: 'this port speaks HTTPS only, and the request was sent without TLS',
    hint: 'Write https:// instead of http://.',
  })
  const cutOff = setTimeout(() => socket.destroy(), PLAIN_ANSWER_MS_MAX)
  raw.once('close', () => {
    clearTimeout(cutOff)
    socket.destroy()
  })
  raw.end(lastAnswer(problem))
}

const FAILURES: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: 'plain_http',
  ERR_SSL_HTTPS_PROXY_REQUEST: 'plain_http',
  ERR_SSL_WRONG_VERSION_NUMBER: 'not_tls',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'old_version',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'no_client_certificate',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout',
  ECONNRESET: 'closed',
}

function failureReason({ code = '' }: NodeJS.ErrnoException, socket: TLSSocket): string {
  // Node closes these without an error of their own.
  if (socket.authorizationError) return 'untrusted_client_certificate'
  if (code.includes('_ALERT_')) return 'refused_by_client'
  return FAILURES[code] ?? 'other'
}

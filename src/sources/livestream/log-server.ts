import { createServer as createPlain, type RequestListener, type Server } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo } from 'node:net'
import { formatHostPort } from '../../net/listen-address.ts'
import { listenFailure } from '../../net/listen-failure.ts'
import { contextOptions, HTTP_PROTOCOLS, type TlsMaterial } from '../../net/tls.ts'
import { endWaitingAnswers } from '../../net/waiting-answers.ts'
import type { Handler } from './log-http.ts'

/** Time for the headers of a request to arrive, for a handshake, and for an idle connection. */
const HEADERS_MS = 10_000
const HEADER_BYTES_MAX = 16 * 1024
const CONNECTIONS_MAX = 20_000
/** A connection whose sender is gone without a word is found out after about so long. */
const KEEP_ALIVE_MS = 60_000

export interface LogServer {
  server: Server
  /** Where it listens, as it is shown. */
  address: string
  /** Takes no more; resolves when every answer is over. Those without end are cut off by `cutMs`. */
  close(cutMs: number): Promise<void>
}

/** Listens with one of livelog's two interfaces. An empty host: on all addresses. Rejects with LISTEN_FAILED. */
export async function openLogServer(
  { host, port, tls }: { host: string; port: number; tls?: TlsMaterial | undefined },
  handler: Handler,
): Promise<LogServer> {
  const options = {
    headersTimeout: HEADERS_MS,
    // A log takes as long as what it is the log of.
    requestTimeout: 0,
    maxHeaderSize: HEADER_BYTES_MAX,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  }
  const listener: RequestListener = (request, response) => void handler(request, response)
  const server = tls
    ? createSecure(
        { ...options, ...contextOptions(tls), ALPNProtocols: [...HTTP_PROTOCOLS], handshakeTimeout: HEADERS_MS },
        listener,
      )
    : createPlain(options, listener)
  server.maxConnections = CONNECTIONS_MAX
  server.on('checkContinue', listener)
  endWaitingAnswers(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenFailure(formatHostPort(host, port), cause)))
    server.listen({ port, ...(host !== '' && { host }) }, resolve)
  })
  const bound = server.address() as AddressInfo
  return { server, address: formatHostPort(bound.address, bound.port), close: (cutMs) => close(server, cutMs) }
}

async function close(server: Server, cutMs: number): Promise<void> {
  const cutOff = setTimeout(() => server.closeAllConnections(), cutMs)
  await new Promise<void>((resolve) => server.close(() => resolve()))
  clearTimeout(cutOff)
}

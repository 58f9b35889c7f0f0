/** For tests: the real HTTP server with a route for every right, and keys that are called like their roles. */
import { Counters } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import { OPEN_PRINCIPAL, type Principal, type Right } from '../../core/principal.ts'
import type { HttpAccess } from '../http-access.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../http-server.ts'
import { rawConnection, type RawConnection } from './raw-connection.ts'

export const KEYS: Readonly<Record<string, Partial<Principal>>> = {
  write: { role: 'write' },
  read: { role: 'read' },
  'read-some': { role: 'read', filter: 'service:a' },
  admin: { role: 'admin' },
}

export interface GuardedServer {
  http: HttpServer
  url: string
  port: number
  counters: Counters
  logged: object[]
  /** What handlers have run, as `METHOD /path by`. */
  ran: string[]
  /** What routes that stream have read. */
  bytes: { read: number }
  connect(first?: string | Buffer): RawConnection
}

/** `Authorization: Bearer <name of a key>`; `Tailrace-Signature` stands for the key write and demands that digest of the body. */
export const TEST_ACCESS: HttpAccess = {
  isOpen: false,
  identify({ headers }) {
    const { authorization, 'tailrace-signature': signature } = headers
    if (authorization === undefined && signature === undefined) throw new AppError('KEY_REQUIRED')
    const name = signature === undefined ? (authorization ?? '').replace(/^Bearer /, '') : 'write'
    const key = KEYS[name]
    if (!key) throw new AppError('KEY_REFUSED')
    const principal: Principal = { ...OPEN_PRINCIPAL, by: 'key', keyId: name, name, ...key }
    if (signature === undefined) return { principal }
    return { principal: { ...principal, by: 'signature' }, bodySha256: Buffer.from(String(signature), 'hex') }
  },
}

export async function openGuardedServer(
  options: Partial<HttpServerOptions> = {},
  addMore: (http: HttpServer) => void = () => undefined,
): Promise<GuardedServer> {
  const counters = new Counters()
  const logged: object[] = []
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void logged.push(fields) }
  const http = createHttpServer({ logger, counters, access: TEST_ACCESS, ...options })
  const ran: string[] = []
  const bytes = { read: 0 }
  addRoutes(http, ran, bytes)
  addMore(http)
  const { url, port } = await http.listen('127.0.0.1', 0)
  return {
    http,
    url,
    port,
    counters,
    logged,
    ran,
    bytes,
    connect: (first) => rawConnection(port, first, options.tls !== undefined),
  }
}

function addRoutes({ app }: HttpServer, ran: string[], bytes: { read: number }): void {
  app.addHook('preHandler', (request, _reply, done) => {
    if (!request.is404) ran.push(`${request.method} ${request.url} ${request.principal.keyId || request.principal.by}`)
    done()
  })
  for (const access of ['public', 'any', 'read', 'figures', 'admin'] satisfies Right[]) {
    app.get(`/${access}`, { config: { access } }, (request) => ({ by: request.principal.by }))
  }
  app.post('/json', { config: { access: 'write' } }, (request) => request.body)
  app.get('/fails', { config: { access: 'public' } }, () => {
    throw new Error('SELECT * FROM secrets at /var/lib/tailrace')
  })
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload))
    scope.post('/write', { config: { access: 'write' } }, (request) => readWhole(request.body, bytes))
    done()
  })
}

async function readWhole(body: unknown, bytes: { read: number }): Promise<{ text: string }> {
  const chunks: Buffer[] = []
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes.read += chunk.length
    chunks.push(chunk)
  }
  return { text: Buffer.concat(chunks).toString('latin1').slice(0, 100) }
}

/** For tests: the real HTTP server with the routes of streams, over a folder that is removed in the end. */
import type { FastifyInstance } from 'fastify'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { AuditRecord } from '../../../core/audit.ts'
import { BatchPool } from '../../../core/batch-pool.ts'
import type { Counters } from '../../../core/counters.ts'
import { SILENT_LOGGER } from '../../../core/logger.ts'
import type { HttpAccess } from '../../../net/http-access.ts'
import { createHttpServer, type HttpServer } from '../../../net/http-server.ts'
import type { StreamCatalog } from '../../../streams/catalog.ts'
import type { StreamLimits } from '../../../streams/limits.ts'
import { testCatalog, type TestCatalog } from '../../../streams/testing/open-catalog.ts'
import { SOURCE_LIMITS } from '../../source.ts'
import { MemorySink } from '../../testing/memory-sink.ts'
import { attachStreams } from '../routes.ts'
import type { LivestreamContext, LivestreamSettings } from '../settings.ts'

export interface TestStreams {
  url: string
  port: number
  sink: MemorySink
  counters: Counters
  catalog: StreamCatalog
  context: LivestreamContext
  audited: AuditRecord[]
  folder: TestCatalog
  parts: ReturnType<typeof attachStreams>
  ask(method: string, path: string, options?: AskOptions): Promise<StreamAnswer>
  /** Opens a connection and writes the head of a request. */
  raw(head: string): Promise<RawConnection>
  close(): Promise<void>
}

export interface AskOptions {
  key?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

export interface StreamAnswer {
  status: number
  headers: Headers
  text: string
  json(): Record<string, unknown>
}

export interface TestStreamsOptions {
  limits?: Partial<StreamLimits>
  settings?: Partial<LivestreamSettings>
  access?: HttpAccess
  changes?: Partial<LivestreamContext>
  folder?: TestCatalog
  attach?: (app: FastifyInstance) => void
}

export async function openStreams(options: TestStreamsOptions = {}): Promise<TestStreams> {
  const folder = options.folder ?? testCatalog()
  const { counters } = folder
  const catalog = await folder.open(options.limits)
  const sink = new MemorySink()
  const audited: AuditRecord[] = []
  const context: LivestreamContext = {
    sinkFor: () => sink,
    batches: new BatchPool({ bytesMax: 0 }),
    counters,
    logger: SILENT_LOGGER,
    clock: () => BigInt(folder.clock.nowMs) * 1_000_000n,
    hostname: 'testhost',
    limits: SOURCE_LIMITS,
    recentValues: () => Promise.resolve([]),
    catalog,
    mayRead: () => true,
    onKeyEnded: () => () => undefined,
    audit: (record) => {
      audited.push(record)
      return Promise.resolve()
    },
    ...options.changes,
  }
  const settings: LivestreamSettings = {
    isIndexed: true,
    writerIdleMs: 60_000,
    readerIdleMs: 60_000,
    lagBytesMax: Infinity,
    shareMsMax: 30 * 86_400_000,
    ...options.settings,
  }
  const { access } = options
  const http: HttpServer = createHttpServer({ logger: SILENT_LOGGER, counters, ...(access && { access }) })
  options.attach?.(http.app)
  const parts = attachStreams(http.app, context, settings)
  const { url, port } = await http.listen('127.0.0.1', 0)
  return {
    url,
    port,
    sink,
    counters,
    catalog,
    context,
    audited,
    folder,
    parts,
    ask: (method, path, asked) => ask(url + path, method, asked),
    raw: (head) => rawConnection(port, head),
    async close() {
      await http.close()
      await parts.close()
      if (!options.folder) folder.remove()
    },
  }
}

async function ask(url: string, method: string, { key, headers = {}, body }: AskOptions = {}): Promise<StreamAnswer> {
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as Record<string, unknown>,
  }
}

/** A connection as somebody types it. */
export interface RawConnection {
  socket: Socket
  /** All that came so far. */
  readonly got: string
  write(text: string): void
  /** Writes the same piece as a chunk again and again; resolves with how many bytes that were, without frames. */
  writeUntil(piece: string, isEnough: () => boolean): Promise<number>
  /** Resolves when the other side has ended the connection. */
  ended: Promise<void>
}

export async function rawConnection(port: number, head: string): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A reset is an end as well.
  socket.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
  socket.write(head)
  return {
    socket,
    get got() {
      return Buffer.concat(chunks).toString('latin1')
    },
    write: (text) => void socket.write(text),
    async writeUntil(piece, isEnough) {
      let bytes = 0
      for (; !isEnough(); bytes += piece.length) if (!socket.write(chunk(piece))) await once(socket, 'drain')
      return bytes
    },
    ended,
  }
}

/** The head of a PUT whose body comes in chunks. */
export function putHead(path: string, headers = ''): string {
  return `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n${headers}\r\n`
}

export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

export const LAST_CHUNK = '0\r\n\r\n'

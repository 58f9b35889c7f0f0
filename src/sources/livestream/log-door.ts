import { timingSafeEqual } from 'node:crypto'
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isAllowed, type Principal } from '../../core/principal.ts'
import { NS_PER_MS } from '../../core/time.ts'
import { isOwnHost } from '../../net/http-origin.ts'
import type { HttpRates, Sender } from '../../net/http-rates.ts'
import { renewTls, type TlsListener, type TlsMaterial } from '../../net/tls.ts'
import type { Stream } from '../../streams/stream.ts'
import type { StreamWriter } from '../../streams/stream-writer.ts'
import { dropCounter, type ReaderLimits } from './answer.ts'
import { isVisible } from './fields.ts'
import type { Indexer } from './indexer.ts'
import { denied, getHandler, limitedHandler, LogRefusal, ONE_PUT, putHandler, type LogWriter } from './log-http.ts'
import { openLogServer } from './log-server.ts'
import { readableStream } from './reading.ts'
import type { LivestreamContext } from './settings.ts'
import type { SourceListener } from '../source.ts'

/** What the two doors have in common: the log that came last. */
export class LatestLog {
  stream: Stream | undefined
  isBeingWritten = false
}

export interface LogDoorSettings {
  door: 'put' | 'get'
  host: string
  port: number
  /** What has to follow /log/; empty: whoever may read everything there is needs nothing. */
  token: string
  tls: TlsMaterial | undefined
  attachTls: (listener: TlsListener) => void
  latest: LatestLog
  streams: LogDoorContext
}

export interface LogDoorContext {
  context: LivestreamContext
  indexer: Indexer
  isIndexed: boolean
  limits: ReaderLimits
  /** Who sends this. Throws the AppError that the sender gets. */
  identify(request: IncomingMessage): Principal
  /** Those of the main port, which count for both. */
  rates: HttpRates
  /** There are no keys. */
  isOpen(): boolean
  /** Host names beside addresses and localhost. */
  hosts: readonly string[]
}

const CLOSE_MS_MAX = 2000

/** One of livelog's two listeners, over the streams of the server: every log becomes a stream of its own. */
export async function listenLog(settings: LogDoorSettings): Promise<SourceListener> {
  const { door, host, port, tls, attachTls } = settings
  const handler = door === 'put' ? putHandler((request) => begin(request, settings)) : readHandler(settings)
  const { streams } = settings
  const limited = limitedHandler(handler, (request) => streams.rates.admitAddress(senderOf(request)))
  const opened = await openLogServer({ host, port, tls }, limited)
  if (tls) attachTls({ renewTls: (material) => renewTls(opened.server, material) })
  return { address: opened.address, close: () => opened.close(CLOSE_MS_MAX) }
}

async function begin(request: IncomingMessage, { streams, latest }: LogDoorSettings): Promise<LogWriter> {
  const { context, indexer, isIndexed } = streams
  assertOwnHost(request, streams)
  const principal = identify(request, streams)
  // What a signature says about the body is not looked at here.
  if (!isAllowed(principal, 'write') || principal.by === 'signature') throw denied()
  if (latest.isBeingWritten) throw new LogRefusal(400, ONE_PUT)
  latest.isBeingWritten = true
  try {
    const writer = await context.catalog.create({
      name: newName(context),
      keyId: principal.keyId,
      stamps: [...principal.stamps],
      host: context.hostname,
      isIndexed,
    })
    latest.stream = writer.stream
    indexer.follow(writer.stream)
    return logWriter(writer, principal, () => (latest.isBeingWritten = false))
  } catch (error) {
    latest.isBeingWritten = false
    throw error
  }
}

function logWriter(writer: StreamWriter, principal: Principal, onOver: () => void): LogWriter {
  const ended = new AbortController()
  const forget = principal.onEnded(() => ended.abort(denied()))
  const over = (): void => {
    forget()
    onOver()
  }
  return {
    isCut: AbortSignal.any([writer.isCut, ended.signal]),
    append: (bytes) => writer.append(bytes),
    async finish() {
      try {
        await writer.finish()
      } finally {
        over()
      }
    },
    async interrupt() {
      await writer.interrupt()
      over()
    },
  }
}

/** When it began, to the second, and a number where that is taken. */
function newName({ catalog, clock }: LivestreamContext): string {
  const began = new Date(Number(clock() / NS_PER_MS)).toISOString().slice(0, 19).replaceAll(':', '-')
  let name = `livelog/${began}`
  for (let number = 2; catalog.get(name); number++) name = `livelog/${began}-${number}`
  return name
}

function readHandler({ token, latest, streams }: LogDoorSettings): ReturnType<typeof getHandler> {
  const { context, limits } = streams
  const digest = digestOf(token)
  return getHandler({
    hasCors: token !== '',
    limits,
    onDropped: dropCounter(context.counters),
    admit(request, shown, response) {
      const isRight = timingSafeEqual(digestOf(shown), digest)
      if (!isRight) throw streams.rates.failed(senderOf(request), denied())
      return token === '' ? admitReader(request, response, { latest, streams }) : {}
    },
    find: () => Promise.resolve(latest.stream && readableStream(latest.stream, context.catalog)),
  })
}

/** Without a token it is the key that counts, or nothing while there are none. */
function admitReader(
  request: IncomingMessage,
  response: ServerResponse,
  { latest: { stream }, streams }: Pick<LogDoorSettings, 'latest' | 'streams'>,
): { signal?: AbortSignal } {
  assertOwnHost(request, streams)
  const principal = identify(request, streams)
  if (!isAllowed(principal, 'read') || (stream && !isVisible(streams.context, principal, stream))) throw denied()
  const ended = new AbortController()
  const forget = principal.onEnded(() => ended.abort())
  response.once('close', forget)
  return { signal: ended.signal }
}

function identify(request: IncomingMessage, { identify: principalOf, rates }: LogDoorContext): Principal {
  try {
    const principal = principalOf(request)
    rates.admitKey(principal)
    return principal
  } catch (error) {
    throw rates.counted(senderOf(request), error as Error)
  }
}

function senderOf({ socket }: IncomingMessage): Sender {
  return { ip: socket.remoteAddress ?? '', socket }
}

/** While there are no keys a page of somebody else could come here by a name that means this address. */
function assertOwnHost({ headers: { host } }: IncomingMessage, { isOpen, hosts }: LogDoorContext): void {
  if (isOpen() && host !== undefined && !isOwnHost(host, hosts)) throw denied()
}

export function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

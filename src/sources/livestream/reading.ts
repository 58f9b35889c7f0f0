import type { FastifyReply } from 'fastify'
import { AppError } from '../../core/errors.ts'
import type { StreamCatalog } from '../../streams/catalog.ts'
import type { Stream } from '../../streams/stream.ts'
import { answerBytes, unsatisfiedRange, type DropCounter, type ReadableStream, type ReaderLimits } from './answer.ts'
import { PAGE_HEADERS, streamPage, wantsPage } from './page.ts'
import { answerLines } from './sse.ts'

export interface ReaderState {
  catalog: StreamCatalog
  limits: ReaderLimits
  onDropped: DropCounter
}

/** Somebody who may read a stream, until `signal` aborts. */
export interface Reader {
  stream: Stream
  signal: AbortSignal
  query: { follow?: string; from?: number; download?: boolean; plain?: boolean }
}

const CONTENT_TYPE = 'text/plain; charset=utf-8'

/** Answers a reader in the form that it asks for. Bytes go to the connection themselves, not through fastify. */
export async function answerReader(
  reply: FastifyReply,
  { stream, signal, query }: Reader,
  { catalog, limits, onDropped }: ReaderState,
): Promise<void> {
  const { request } = reply
  reply.headers({ vary: 'accept', 'tailrace-stream-state': stream.state })
  if (query.follow === undefined && query.plain !== true && query.download !== true && wantsPage(request)) {
    reply.headers(PAGE_HEADERS).type('text/html; charset=utf-8')
    await reply.send(streamPage(stream.name))
    return
  }
  if (query.download === true) reply.header('content-disposition', attachment(stream.name))
  const readable = readableStream(stream, catalog)
  const options = { limits, signal, onDropped }
  // Not before it is known that there is an answer: problems are answered by fastify.
  const headers = reply.getHeaders()
  const response = reply.raw
  const set = (): void => {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value)
  }
  try {
    if (query.follow === 'sse') {
      set()
      await answerLines(request.raw, response, readable, { ...options, from: query.from ?? 1 })
    } else {
      set()
      response.setHeader('content-type', CONTENT_TYPE)
      await answerBytes(request.raw, response, readable, options)
    }
  } catch (error) {
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    if (error instanceof AppError && error.code === 'STREAM_RANGE_WRONG') {
      reply.headers({ 'content-range': unsatisfiedRange(readable), 'accept-ranges': 'bytes' })
    }
    throw error
  }
  reply.hijack()
}

/** A stream of the catalog. One whose writer did not come back is shown whole, as far as it goes. */
export function readableStream(stream: Stream, catalog: StreamCatalog): ReadableStream {
  return {
    get sizeBytes() {
      return stream.sizeBytes
    },
    get isGrowing() {
      return stream.isGrowing
    },
    get etag() {
      return stream.etag
    },
    isBroken: false,
    read: (options) => catalog.read(stream, options),
  }
}

/** RFC 6266, with a name that every system takes. */
function attachment(name: string): string {
  const file = (name.split('/').at(-1) ?? '').replaceAll(/[^\w.-]/g, '_')
  return `attachment; filename="${file.includes('.') ? file : `${file}.log`}"`
}

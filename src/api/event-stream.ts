import type { FastifyReply } from 'fastify'
import { once } from 'node:events'

/** An answer of server-sent events (WHATWG HTML §9.2) that is being written. */
export interface EventStream {
  /** Writes at once. Resolves when the reader can take more or the stream is over; never rejects. */
  send(text: string): Promise<void>
  /** Something small that keeps the connection alive; left out while the reader is behind. */
  ping(text: string): void
  /** The last text. A reader that does not take it within two seconds is cut off. */
  end(text: string): void
  /** More is waiting than the connection takes at the moment. */
  readonly isFull: boolean
}

/** How long a reader that lost its connection should wait before it comes back. */
const RETRY_MS = 2000

/** How long a reader may take for the end of a stream before the connection is cut. */
const END_MS = 2000

export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // Asks a proxy such as nginx to pass every event on as it comes.
  'x-accel-buffering': 'no',
} as const

export interface EventStreamSignals {
  /** Aborts when the reader goes away. */
  gone: AbortSignal
  /** Aborts when nothing but the end is to be written any more. */
  over: AbortSignal
}

/** Takes the answer over from fastify and sends the headers at once. */
export function openEventStream(reply: FastifyReply, { gone, over }: EventStreamSignals): EventStream {
  reply.hijack()
  const response = reply.raw
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(200, EVENT_STREAM_HEADERS)
  response.socket?.setNoDelay(true)
  response.write(`retry: ${RETRY_MS}\n\n`)
  return {
    async send(text) {
      if (over.aborted || response.write(text)) return
      try {
        await once(response, 'drain', { signal: over })
      } catch {
        // The reader went away while we waited for it, or it is over: the caller sees the aborted signal.
      }
    },
    ping(text) {
      if (!over.aborted && !response.writableNeedDrain) response.write(text)
    },
    get isFull() {
      return response.writableNeedDrain
    },
    end(text) {
      if (gone.aborted) return
      const cutOff = setTimeout(() => response.destroy(), END_MS)
      response.once('close', () => clearTimeout(cutOff))
      response.end(text)
    },
  }
}

/** One event. `data` must be JSON: it has no line breaks of its own. */
export function formatServerEvent(event: string, data: string, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`
}

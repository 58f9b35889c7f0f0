import type { FastifyReply } from 'fastify'
import { once } from 'node:events'

/** An answer of server-sent events (WHATWG HTML §9.2) that is being written. */
export interface EventStream {
  /** Writes at once. Resolves when the reader can take more, or has gone away; never rejects. */
  send(text: string): Promise<void>
  /** Something small that keeps the connection alive; left out while the reader is behind. */
  ping(text: string): void
  end(text: string): void
  /** More is waiting than the connection takes at the moment. */
  readonly isFull: boolean
}

/** How long a reader that lost its connection should wait before it comes back. */
const RETRY_MS = 2000

/** Takes the answer over from fastify and sends the headers at once. `signal` aborts when the reader goes away. */
export function openEventStream(reply: FastifyReply, signal: AbortSignal): EventStream {
  reply.hijack()
  const response = reply.raw
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    // Asks a proxy such as nginx to pass every event on as it comes.
    'x-accel-buffering': 'no',
  })
  response.socket?.setNoDelay(true)
  response.write(`retry: ${RETRY_MS}\n\n`)
  return {
    async send(text) {
      if (signal.aborted || response.write(text)) return
      try {
        await once(response, 'drain', { signal })
      } catch {
        // The reader went away while we waited for it: the caller sees the aborted signal.
      }
    },
    ping(text) {
      if (!signal.aborted && !response.writableNeedDrain) response.write(text)
    },
    get isFull() {
      return response.writableNeedDrain
    },
    end(text) {
      if (!signal.aborted) response.end(text)
    },
  }
}

/** One event. `data` must be JSON: it has no line breaks of its own. */
export function formatServerEvent(event: string, data: string, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`
}

import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Counters } from '../core/counters.ts'
import { inPieces, PIECE_BYTES } from './pieces.ts'

/**
 * Cuts off whoever takes nothing of an answer for `answerIdleMs` although some of it waits. An answer that has nothing
 * to say for longer, such as a tail, is left alone. Counted in `http_slow_readers_total`.
 */
export function cutSlowReaders(app: FastifyInstance, answerIdleMs: number, counters: Counters): void {
  const cut = counters.counter('http_slow_readers_total')
  // Node calls this when nothing has moved on the connection. Without TLS a single write that gets on counts as moving.
  function onIdle(this: ServerResponse): void {
    if (this.writableLength === 0) return
    cut.add()
    this.destroy()
  }
  app.addHook('onRequest', (_request, { raw }, done) => {
    raw.setTimeout(answerIdleMs)
    raw.on('timeout', onIdle)
    done()
  })
  // With TLS only what was written to its end is seen to move.
  app.addHook('onSend', ({ method }, reply, payload, done) => {
    if (method === 'HEAD' || !isLarge(payload)) return done(null, payload)
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    reply.header('content-length', bytes.length)
    done(null, inPieces(bytes))
  })
}

function isLarge(payload: unknown): payload is string | Buffer {
  return (typeof payload === 'string' || payload instanceof Buffer) && payload.length > PIECE_BYTES
}

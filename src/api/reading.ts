import type { FastifyReply } from 'fastify'
import type { ApiContext } from './context.ts'
import { disconnectSignal } from './disconnect.ts'
import { createGate, type Gate } from './gate.ts'
import type { StoreFigures } from './store-figures.ts'

/** What the routes that read events share. */
export interface Reading {
  context: ApiContext
  figures: StoreFigures
  /** Places for answers made in memory. */
  queries: Gate
  /** Places for streamed answers. */
  streams: Gate
}

export function createReading(context: ApiContext, figures: StoreFigures): Reading {
  const { queriesMax, streamsMax, queriesWaitingMax: waitingMax, queryWaitMsMax: waitMsMax } = context.limits
  return {
    context,
    figures,
    queries: createGate({ insideMax: queriesMax, waitingMax, waitMsMax, what: 'queries' }),
    streams: createGate({ insideMax: streamsMax, waitingMax, waitMsMax, what: 'streamed answers' }),
  }
}

/** Waits for a place, then reads; the signal aborts when the reader goes away. */
export async function whileConnected<T>(
  reading: Reading,
  reply: FastifyReply,
  read: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const signal = disconnectSignal(reply.raw)
  const leave = await reading.queries.enter(signal)
  try {
    return await read(signal)
  } finally {
    leave()
  }
}

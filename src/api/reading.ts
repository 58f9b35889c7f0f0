import type { FastifyReply } from 'fastify'
import type { ApiContext } from './context.ts'
import { disconnectSignal } from './disconnect.ts'
import type { EventReader, Visible } from './event-reader.ts'
import { createGate, type Gate } from './gate.ts'
import { checkedQuery } from './questions.ts'
import type { StoreFigures } from './store-figures.ts'

/** What the routes that read events share. */
export interface Reading {
  context: ApiContext
  figures: StoreFigures
  reader: EventReader
  /** Everything there is. */
  visible: Visible
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
    reader: context.openReader(figures),
    visible: { everything: checkedQuery('', { nowNs: context.startedNs, target: 'tail' }), filter: '' },
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

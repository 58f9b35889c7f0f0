import type { FastifyReply, FastifyRequest } from 'fastify'
import { endedError, type Principal } from '../core/principal.ts'
import type { ApiContext } from './context.ts'
import { watchReader } from './disconnect.ts'
import type { EventReader } from './event-reader.ts'
import { createGate, type Gate } from './gate.ts'
import type { StoreFigures } from './store-figures.ts'
import { createView, type View } from './view.ts'

/** What the routes that read events share. Whose events they may show they learn from the view of each request. */
export interface Reading {
  context: ApiContext
  /** Who answers. */
  events: EventReader
  /** Places for answers made in memory. */
  queries: Gate
  /** Places for streamed answers. */
  streams: Gate
  /** What this principal may see, now. ACCESS_DENIED when its filter makes no sense. */
  view(principal: Principal): View
}

export function createReading(context: ApiContext, figures: StoreFigures): Reading {
  const { queriesMax, streamsMax, queriesPerKeyMax, queriesWaitingMax, queryWaitMsMax } = context.limits
  const gate = (kind: {
    what: string
    limit: string
    limitPerKey: string
    insideMax: number
    perKeyMax: number
  }): Gate =>
    createGate({
      ...kind,
      waitingMax: queriesWaitingMax,
      waitMsMax: queryWaitMsMax,
      onRefused: (limit) => context.counters.add('query_limited_total', { limit }),
    })
  return {
    context,
    events: context.openReader(figures),
    queries: gate({
      what: 'queries',
      limit: 'queriesMax',
      limitPerKey: 'queriesPerKeyMax',
      insideMax: queriesMax,
      perKeyMax: queriesPerKeyMax,
    }),
    streams: gate({
      what: 'streamed answers',
      limit: 'streamsMax',
      limitPerKey: 'streamsPerKeyMax',
      insideMax: streamsMax,
      perKeyMax: streamsPerKeyMax(context.limits),
    }),
    view: (principal) => createView(principal, { nowNs: context.clock() }),
  }
}

/** Streams may last as long as their readers are slow, so one key leaves a place to the others. */
function streamsPerKeyMax({ streamsMax, queriesPerKeyMax }: ApiContext['limits']): number {
  return Math.min(queriesPerKeyMax, Math.max(1, streamsMax - 1))
}

/** For whom an answer is made. */
export interface Reader {
  view: View
  /** Aborts when the answer is no longer wanted, or may no longer be given. */
  signal: AbortSignal
}

/** Waits for a place, then reads. KEY_REFUSED or KEY_REQUIRED when the principal ends meanwhile. */
export async function whileConnected<T>(
  reading: Reading,
  { principal }: FastifyRequest,
  reply: FastifyReply,
  read: (reader: Reader) => Promise<T>,
): Promise<T> {
  const view = reading.view(principal)
  const { signal, ended } = watchReader(principal, reply.raw)
  try {
    const leave = await reading.queries.enter(signal, principal.keyId)
    try {
      return await read({ view, signal })
    } finally {
      leave()
    }
  } catch (error) {
    if (ended.aborted) throw endedError(principal, error)
    throw error
  }
}

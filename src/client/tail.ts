import type { IncomingMessage } from 'node:http'
import type { Problem } from '../core/errors.ts'
import type { EventJson } from '../core/event.ts'
import { backoffMs, PATIENCE, type Patience } from './backoff.ts'
import type { Connection } from './connection.ts'
import { ServerAway, ServerProblem } from './failures.ts'
import { ServerEventReader, type ServerEvent } from './server-events.ts'

export type TailItem =
  | { kind: 'event'; id: string; event: EventJson }
  | { kind: 'skipped'; count: number }
  /** Of what follows, events received before `from` (not told: some) may be missing: they were in memory only. */
  | { kind: 'incomplete'; from: string | undefined }

export interface TailInterruption {
  reason: string
  /** 0 for the first try after the connection was lost. */
  attempt: number
  /** There was a connection before. */
  hadConnection: boolean
  waitMs: number
}

export interface TailOptions {
  query?: string | undefined
  /** Begin with the newest n events. */
  backlog?: number | undefined
  /** Begin after the event with this id. */
  cursor?: string | undefined
  /** Ends the iteration without an error. */
  signal?: AbortSignal | undefined
  /** The connection is lost, or was not given yet, and will be tried again after `waitMs`. */
  onInterruption?: (interruption: TailInterruption) => void
  /** The server has answered; `isAgain` after an interruption. */
  onConnection?: (isAgain: boolean) => void
  patience?: Patience
}

/** The server says something every 15 s; after this long without a byte the connection is taken for dead. */
const SILENCE_MS_MAX = 45_000

/**
 * Events as they arrive, for as long as it takes: reconnects with exponential backoff and goes on after the last event
 * that was seen, without gap or repeat; where another server answers, from then on. Throws when the very first connection
 * fails (ServerAway) or when the server refuses (ServerProblem, such as a mistake in the query, or a key that is not
 * valid any more, whether at a new connection or in the middle of one). The reader's pace is the server's: who iterates
 * slowly is told how many events were skipped.
 */
export async function* tailEvents(connection: Connection, options: TailOptions): AsyncGenerator<TailItem, void> {
  const { signal, patience = PATIENCE } = options
  let lastEventId = options.cursor ?? ''
  let hasConnected = false
  let attempt = 0
  for (;;) {
    if (signal?.aborted) return
    let ending = 'the server ended the stream'
    try {
      const response = await connect(connection, options, lastEventId, hasConnected)
      options.onConnection?.(hasConnected)
      hasConnected = true
      for await (const item of readEvents(response, lastEventId, connection.url)) {
        attempt = 0
        lastEventId = item.lastEventId
        const shown = itemOf(item)
        if (shown?.kind === 'end') ending = shown.reason
        else if (shown) yield shown
        if (signal?.aborted) return
      }
      throw new ServerAway(connection.url, new Error(ending))
    } catch (error) {
      if (signal?.aborted) return
      if (!isInterruption(error, hasConnected)) throw error
      if (isPlaceUnknown(error)) lastEventId = ''
      const askedMs = error instanceof ServerProblem ? (error.retryAfterMs ?? 0) : 0
      const waitMs = Math.max(askedMs, backoffMs(attempt, patience.random))
      const reason = error instanceof ServerAway ? error.reason : error.message
      options.onInterruption?.({ reason, attempt, waitMs, hadConnection: hasConnected })
      attempt++
      // An abort while waiting ends the loop by its condition.
      await patience.wait(waitMs, signal).catch(() => undefined)
    }
  }
}

function connect(connection: Connection, options: TailOptions, lastEventId: string, isAgain: boolean) {
  const isResumed = lastEventId !== ''
  return connection.open('/api/v1/tail', {
    parameters: { query: options.query, backlog: isResumed || isAgain ? undefined : options.backlog },
    headers: { accept: 'text/event-stream', ...(isResumed ? { 'last-event-id': lastEventId } : {}) },
    silenceMsMax: SILENCE_MS_MAX,
    signal: options.signal,
  })
}

/** Before the first connection only a busy server is worth waiting for; after it everything that may pass. */
function isInterruption(error: unknown, hasConnected: boolean): error is ServerAway | ServerProblem {
  if (error instanceof ServerProblem) return error.isTemporary || (hasConnected && isPlaceUnknown(error))
  return error instanceof ServerAway && error.obstacle === undefined && hasConnected
}

/** Another server answers at the address now, or the same one with other data: there is nothing to go on after. */
function isPlaceUnknown(error: unknown): boolean {
  return error instanceof ServerProblem && error.code === 'CURSOR_INVALID'
}

async function* readEvents(response: IncomingMessage, lastEventId: string, url: string): AsyncGenerator<ServerEvent> {
  const reader = new ServerEventReader(lastEventId)
  try {
    for await (const bytes of response) yield* reader.read(bytes as Buffer)
  } catch (error) {
    throw new ServerAway(url, error)
  }
}

/** Throws what the server says is the reason not to come back. */
function itemOf({ event, data, lastEventId }: ServerEvent): TailItem | TailEnd | undefined {
  if (event === 'failure') {
    const problem = JSON.parse(data) as Partial<Problem>
    throw new ServerProblem({ ...problem, status: problem.status ?? 500 })
  }
  if (event === 'log') return { kind: 'event', id: lastEventId, event: JSON.parse(data) as EventJson }
  if (event === 'skipped') return { kind: 'skipped', count: (JSON.parse(data) as { count: number }).count }
  if (event === 'end') return endOf(JSON.parse(data) as { reason: string; code?: string })
  if (event === 'incomplete') return { kind: 'incomplete', from: (JSON.parse(data) as { from?: string }).from }
  return undefined
}

/** The server ends the stream in good order. */
interface TailEnd {
  kind: 'end'
  reason: string
}

/** With a code it will not go on for whoever asked: the key has ended. Without one, the server closes. */
function endOf({ reason, code }: { reason: string; code?: string }): TailEnd {
  if (code === undefined) return { kind: 'end', reason }
  throw new ServerProblem({ status: 401, code, detail: `The server has ended the tail: ${reason}` })
}

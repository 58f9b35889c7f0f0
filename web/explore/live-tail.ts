import { signal, type ReadonlySignal } from '@preact/signals'
import type { EventJson } from '../../src/core/event.ts'
import { ApiProblem, asProblem, withParameters, type Client } from '../api/client.ts'
import type { QueryProblem } from '../../src/query/problem.ts'
import type { ListItem } from './items.ts'
import { LiveBuffer } from './live-buffer.ts'

export interface LiveState {
  rows: readonly ListItem[]
  /** Events that came since the list was paused. */
  waiting: number
  isPaused: boolean
  connection: 'opening' | 'open' | 'lost'
  /** What there was before has arrived, as far as one can tell. */
  isSettled: boolean
  /** Events a second, over the last few. */
  rate: number
  /** Set when it will not go on by itself. */
  problem: ApiProblem | undefined
}

export interface LiveTail {
  readonly state: ReadonlySignal<LiveState>
  pause(): void
  resume(): void
  close(): void
}

const BACKLOG = 300
/** The list is drawn at most this often. */
const FLUSH_MS = 100
/** After this long without an event there is none that was before. */
const SETTLE_MS = 600
const RATE_WINDOW_SECONDS = 5
const RETRY_MS_MIN = 1000
const RETRY_MS_MAX = 15_000

/**
 * Events as they arrive. A lost connection comes back by itself and goes on after the last event: the browser's
 * EventSource does that as long as the server cannot be reached, and this where it was refused.
 */
export function openLiveTail(client: Client, query: string): LiveTail {
  const buffer = new LiveBuffer()
  const state = signal<LiveState>({
    rows: [],
    waiting: 0,
    isPaused: false,
    connection: 'opening',
    isSettled: false,
    rate: 0,
    problem: undefined,
  })
  const change = (changes: Partial<LiveState>): void => {
    state.value = { ...state.peek(), ...changes }
  }
  const rate = createRate()
  const show = (): void => {
    const hasChanged = buffer.flush()
    const perSecond = rate.read()
    const { waiting, isPaused } = buffer
    const before = state.peek()
    if (!hasChanged && before.waiting === waiting && before.isPaused === isPaused && before.rate === perSecond) return
    const isSettled = before.isSettled || hasChanged
    change({ rows: buffer.rows, waiting, isPaused, isSettled, rate: perSecond })
  }
  const timer = setInterval(show, FLUSH_MS)
  let settling: ReturnType<typeof setTimeout> | undefined
  const connection = connect(client, query, {
    onEvent(event, isNew) {
      buffer.add(event)
      if (isNew) rate.add()
    },
    onSkipped: (count) => buffer.addGap(count),
    onChange(changes) {
      change(changes)
      if (changes.connection !== 'opening') settling ??= setTimeout(() => change({ isSettled: true }), SETTLE_MS)
    },
  })
  return {
    state,
    pause() {
      buffer.isPaused = true
      show()
    },
    resume() {
      buffer.isPaused = false
      show()
    },
    close() {
      clearInterval(timer)
      clearTimeout(settling)
      connection.close()
    },
  }
}

interface Listener {
  onEvent(event: EventJson, isNew: boolean): void
  onSkipped(count: number): void
  onChange(changes: Pick<LiveState, 'connection'> & Partial<Pick<LiveState, 'problem'>>): void
}

function connect(client: Client, query: string, listener: Listener): { close(): void } {
  const leaving = new AbortController()
  let source: EventSource | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let retryMs = RETRY_MS_MIN
  let lastId = ''
  let startId = ''
  const open = (): void => {
    const from = lastId === '' ? { backlog: BACKLOG } : { cursor: lastId }
    source = new EventSource(withParameters('/api/v1/tail', { query, ...from }))
    source.addEventListener('open', () => {
      retryMs = RETRY_MS_MIN
      client.noteReachable()
      listener.onChange({ connection: 'open', problem: undefined })
    })
    source.addEventListener('start', ({ data }) => {
      if (startId === '') startId = (JSON.parse(String(data)) as { cursor: string }).cursor
    })
    source.addEventListener('log', ({ data, lastEventId }) => {
      lastId = lastEventId
      // Ids grow with time: the backlog is what came before this tail began.
      listener.onEvent(JSON.parse(String(data)) as EventJson, lastEventId > startId)
    })
    source.addEventListener('skipped', ({ data }) =>
      listener.onSkipped((JSON.parse(String(data)) as { count: number }).count),
    )
    source.addEventListener('failure', ({ data }) => {
      listener.onChange({ connection: 'lost', problem: new ApiProblem(JSON.parse(String(data)) as { status: number }) })
      source?.close()
    })
    source.addEventListener('end', () => listener.onChange({ connection: 'lost' }))
    source.addEventListener('error', () => {
      listener.onChange({ connection: 'lost' })
      // Otherwise the browser comes back by itself, after the last event, or where the tail began: what it was to begin
      // with would be missing then.
      if (lastId === '') source?.close()
      if (source?.readyState === EventSource.CLOSED) void reopen()
    })
  }
  /** An EventSource does not say why it was refused: the same question is asked in a way that does. */
  const reopen = async (): Promise<void> => {
    const problem = await refusal(client, query, leaving.signal)
    if (leaving.signal.aborted) return
    if (problem) return listener.onChange({ connection: 'lost', problem })
    retry = setTimeout(open, retryMs)
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)
  }
  open()
  return {
    close() {
      leaving.abort()
      clearTimeout(retry)
      source?.close()
    },
  }
}

/** Why no tail of this query will ever be opened; `undefined` where trying again may help. */
async function refusal(client: Client, query: string, signal: AbortSignal): Promise<ApiProblem | undefined> {
  try {
    const question = { query, target: 'tail' }
    const { problems } = await client.send<{ problems: QueryProblem[] }>(
      'POST',
      '/api/v1/query/explain',
      question,
      signal,
    )
    const [first] = problems
    if (!first) return undefined
    return new ApiProblem({
      status: 400,
      code: first.code,
      detail: first.message,
      ...(first.hint && { hint: first.hint }),
    })
  } catch (error) {
    const problem = asProblem(error)
    return problem.status >= 400 && problem.status < 500 && problem.status !== 429 ? problem : undefined
  }
}

/** Events a second over the last few seconds. */
function createRate(): { add(): void; read(): number } {
  const counts = new Map<number, number>()
  const began = second()
  return {
    add() {
      counts.set(second(), (counts.get(second()) ?? 0) + 1)
    },
    read() {
      const now = second()
      let total = 0
      for (const [at, count] of counts) {
        if (at < now - RATE_WINDOW_SECONDS) counts.delete(at)
        else if (at < now) total += count
      }
      const seconds = Math.min(RATE_WINDOW_SECONDS, now - began)
      return seconds === 0 ? 0 : Math.round((total / seconds) * 10) / 10
    },
  }
}

const second = (): number => Math.floor(performance.now() / 1000)

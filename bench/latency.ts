import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { fetchJson } from './server.ts'
import { quantile } from './table.ts'

const POLL_MS = 5
const TAIL_MS_MAX = 10_000

export interface Percentiles {
  p50: number
  p99: number
  max: number
}

export interface LatencyResult {
  events: number
  /** From sending to the acknowledgement, ms. */
  ack: Percentiles
  /** From the acknowledgement to the arrival in an open tail, ms; 0 when the tail had it first. */
  tail: Percentiles
  /** From the acknowledgement to the first query that finds it, ms; a poll takes a few ms itself. */
  searchable: Percentiles
}

/** Single events, one after the other, each watched in a tail and by asking again and again. */
export async function runLatency(url: string, events: number): Promise<LatencyResult> {
  const service = `probe-${randomUUID()}`
  const tail = await openTail(url, service)
  const [ackMs, tailMs, searchableMs]: [number[], number[], number[]] = [[], [], []]
  try {
    for (let i = 0; i < events; i++) {
      const message = `${service} number ${i}.`
      const sent = performance.now()
      const response = await fetch(new URL(`/api/v1/ingest?service=${service}`, url), {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: message,
      })
      await response.text()
      const acknowledged = performance.now()
      if (!response.ok) throw new Error(`probe refused: ${response.status}`)
      ackMs.push(acknowledged - sent)
      const [seen, found] = await Promise.all([tail.seen(message), untilFound(url, service, message)])
      tailMs.push(Math.max(0, seen - acknowledged))
      searchableMs.push(found - acknowledged)
    }
  } finally {
    tail.close()
  }
  return { events, ack: percentiles(ackMs), tail: percentiles(tailMs), searchable: percentiles(searchableMs) }
}

function percentiles(values: readonly number[]): Percentiles {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: quantile(values, 1) }
}

async function untilFound(url: string, service: string, message: string): Promise<number> {
  const address = new URL('/api/v1/query', url)
  address.searchParams.set('query', `service:${service} "${message}"`)
  address.searchParams.set('start', '-5m')
  for (;;) {
    const { events } = await fetchJson<{ events: unknown[] }>(address)
    if (events.length > 0) return performance.now()
    await wait(POLL_MS)
  }
}

interface Tail {
  /** When the event with this message arrived, on the clock of `performance.now`. */
  seen(message: string): Promise<number>
  close(): void
}

/** Server-sent events, read as they come. Resolves when the server has answered. */
async function openTail(url: string, service: string): Promise<Tail> {
  const abort = new AbortController()
  const address = new URL('/api/v1/tail', url)
  address.searchParams.set('query', `service:${service}`)
  const response = await fetch(address, { signal: abort.signal })
  if (!response.ok || !response.body) throw new Error(`tail refused: ${response.status}`)
  const arrivals = new Map<string, number>()
  const waiting = new Map<string, (at: number) => void>()
  const arrive = (message: string, at: number): void => {
    arrivals.set(message, at)
    waiting.get(message)?.(at)
  }
  void readEvents(response.body, arrive).catch(() => {
    // Aborted by close; a tail that ends early shows as a probe that never arrives.
  })
  return {
    seen(message) {
      const arrived = arrivals.get(message)
      if (arrived !== undefined) return Promise.resolve(arrived)
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`the tail never showed ${message}`)), TAIL_MS_MAX)
        waiting.set(message, (at) => {
          clearTimeout(timer)
          resolve(at)
        })
      })
    },
    close: () => abort.abort(),
  }
}

async function readEvents(
  body: AsyncIterable<Uint8Array>,
  arrive: (message: string, at: number) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    const at = performance.now()
    text += decoder.decode(chunk, { stream: true })
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue
      const { message } = JSON.parse(line.slice('data: '.length)) as { message?: string }
      if (message !== undefined) arrive(message, at)
    }
  }
}

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

export interface TailEvent {
  event: string
  id: string
  data: Record<string, unknown>
}

export interface OpenTail {
  /** The next event but `start`, which only tells where it begins; rejects when the stream ends. */
  next(): Promise<TailEvent>
  close(): void
}

/** Opens `/api/v1/tail`; events that are acknowledged after this resolves will be in it. */
export async function openTail(url: string, query: string, parameters: Record<string, string> = {}): Promise<OpenTail> {
  const aborter = new AbortController()
  const response = await fetch(`${url}/api/v1/tail?${new URLSearchParams({ query, ...parameters }).toString()}`, {
    signal: aborter.signal,
  })
  if (!response.ok || response.body === null) {
    throw new Error(`tail was answered ${response.status}: ${await response.text()}`)
  }
  const events = readEvents(Readable.fromWeb(response.body))
  return {
    async next() {
      for (;;) {
        const { value, done } = await events.next()
        if (done) throw new Error('the tail ended')
        if (value.event !== 'start') return value
      }
    },
    close: () => aborter.abort(),
  }
}

/** Server-sent events out of a stream; comments are skipped. */
async function* readEvents(input: Readable): AsyncGenerator<TailEvent, undefined> {
  let fields: Record<string, string> = {}
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line === '') {
      const { event = 'message', id = '', data } = fields
      if (data !== undefined) yield { event, id, data: JSON.parse(data) as Record<string, unknown> }
      fields = {}
      continue
    }
    const match = /^(\w+): ?(.*)$/.exec(line)
    if (match) fields[match[1] ?? ''] = match[2] ?? ''
  }
  return undefined
}

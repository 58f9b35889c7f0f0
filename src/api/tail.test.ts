import { request, type IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { EventBatch, ROW_RECEIVED, ROW_TIMESTAMP } from '../core/batch.ts'
import { formatEventId, type EventJson } from '../core/event.ts'
import { openLive, type Live } from '../live/live.ts'
import { loadBatch, openTemporaryStore, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { DEFAULT_API_LIMITS, type ApiLimits } from './context.ts'
import { openApi, quietContext, type OpenApiServer } from './testing/open-api.ts'

const PATIENCE = { timeout: 15_000 }

let temporary: TemporaryStore
beforeAll(async () => {
  temporary = await openTemporaryStore()
})
afterAll(() => temporary.remove())

/** Received times rise over all tests, as they share a store. */
let received = 1_767_225_600_000_000_000n
function batchOf(messages: readonly string[]): EventBatch {
  const batch = new EventBatch()
  for (const message of messages) {
    batch.append({ message, service: 's', severity: 9 })
    const offset = batch.offsets[batch.rows - 1] ?? 0
    received++
    batch.bytes.writeBigInt64LE(received, offset + ROW_RECEIVED)
    batch.bytes.writeBigInt64LE(received, offset + ROW_TIMESTAMP)
  }
  return batch
}

let live: Live
let server: OpenApiServer
/** A server that has only the store in common with the one before. */
async function start(limits: Partial<ApiLimits> = {}): Promise<void> {
  live = openLive({ startNs: received + 1n })
  server = await openApi(quietContext({ store: temporary.store, live, limits: { ...DEFAULT_API_LIMITS, ...limits } }))
}

/** Shows events to tails and stores them, as the server does. */
async function happen(...messages: string[]): Promise<void> {
  const batch = batchOf(messages)
  live.publish(batch)
  await loadBatch(temporary.store, batch, 'n1')
}

interface Tail {
  response: IncomingMessage
  /** `log` events as messages, others but `start` as `event data`. */
  seen: string[]
  /** `log` events as they came. */
  data: string[]
  lastId: string
  isOver: boolean
  until(count: number): Promise<void>
  stop(): void
}
const tails: Tail[] = []

async function tail(parameters: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Tail> {
  const url = `${server.url}/api/v1/tail?${new URLSearchParams(parameters).toString()}`
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { headers }, resolve).on('error', reject).end()
  })
  const opened: Tail = {
    response,
    seen: [],
    data: [],
    lastId: '',
    isOver: false,
    until: (count) => vi.waitUntil(() => opened.seen.length >= count, PATIENCE).then(() => undefined),
    stop: () => response.destroy(),
  }
  let text = ''
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) note(opened, block)
  })
  response.on('close', () => (opened.isOver = true))
  response.on('error', () => undefined)
  tails.push(opened)
  if (response.statusCode === 200) await vi.waitUntil(() => opened.lastId !== '', PATIENCE)
  return opened
}

function note(into: Tail, block: string): void {
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2))) as Record<string, string>
  const { event, data = '', id } = fields
  into.lastId = id ?? into.lastId
  if (event === 'log') {
    into.data.push(data)
    into.seen.push((JSON.parse(data) as Partial<EventJson>).message ?? '')
  } else if (event !== undefined && event !== 'start') into.seen.push(`${event} ${data}`)
}

afterEach(async () => {
  for (const opened of tails.splice(0)) opened.stop()
  await server.close()
})

describe('a tail', () => {
  test('shows what happens, with ids', async () => {
    await start()
    const reader = await tail({ query: '-noise' })
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    })
    await happen('one', 'noise', 'two')
    await happen('three')
    await reader.until(3)
    expect(reader.seen).toEqual(['one', 'two', 'three'])
    expect(reader.lastId).toBe(formatEventId(received, 'n1'))
  })

  test('begins with a backlog, from the store where memory does not hold it', async () => {
    await start()
    await happen('old 1', 'old 2', 'noise', 'old 3')
    await server.close()
    await start()
    await happen('new 1')
    const reader = await tail({ query: '-noise', backlog: '3' })
    await reader.until(3)
    expect(reader.seen).toEqual(['old 2', 'old 3', 'new 1'])
  })

  test('resumes without gap or repeat, across a restart of the server', async () => {
    await start()
    const first = await tail()
    await happen('1', '2')
    await first.until(2)
    first.stop()
    await happen('3', '4')
    await server.close()
    await start()
    await happen('5')
    const second = await tail({}, { 'last-event-id': first.lastId })
    await second.until(3)
    await happen('6')
    await second.until(4)
    expect(second.seen).toEqual(['3', '4', '5', '6'])
  })

  test('HEAD tells what it would be, and ends', async () => {
    await start()
    const url = `${server.url}/api/v1/tail?query=`
    const head = await fetch(`${url}x`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect((await fetch(`${url}(`, { method: 'HEAD' })).status).toBe(400)
    expect(live.status().subscribers).toBe(0)
  })

  test('resumes where it began, if nothing had come', async () => {
    await start()
    const first = await tail({ query: 'this' })
    first.stop()
    await happen('that', 'this')
    const second = await tail({ query: 'this', cursor: first.lastId })
    await second.until(1)
    expect(second.seen).toEqual(['this'])
  })

  test('the header wins over the parameter', async () => {
    await start()
    await happen('1', '2', '3')
    const cursor = formatEventId(received - 1n, 'n1')
    const header = formatEventId(received - 2n, 'n1')
    const reader = await tail({ cursor }, { 'last-event-id': header })
    await reader.until(2)
    expect(reader.seen).toEqual(['2', '3'])
  })

  test('stored and live events look the same after pipes', async () => {
    const query = '* | extract /n=(?<n>[0-9]+)/ | where n:>1 | fields n'
    await start()
    await happen('n=1', 'n=2', 'n=3')
    const cursor = formatEventId(received - 3n, 'n1')
    const fromMemory = await tail({ query, cursor })
    await fromMemory.until(2)
    await server.close()
    await start()
    await happen('n=0')
    const fromStore = await tail({ query, cursor })
    await fromStore.until(2)
    expect(fromStore.data).toEqual(fromMemory.data)
    expect(JSON.parse(fromStore.data[1] ?? '')).toMatchObject({ attributes: { n: '3' } })
  })
})

describe('a tail is bounded', () => {
  test('a reader that does not keep up is told what it missed', async () => {
    await start({ tailBufferEvents: 50 })
    const reader = await tail()
    reader.response.pause()
    const long = 'x'.repeat(50_000)
    const EVENTS = 2000
    for (let sent = 0; sent < EVENTS; sent += 10) {
      live.publish(batchOf(Array.from({ length: 10 }, () => long)))
      await new Promise((resolve) => setImmediate(resolve))
    }
    reader.response.resume()
    const skipped = (): number[] =>
      reader.seen
        .filter((text) => text.startsWith('skipped '))
        .map((text) => (JSON.parse(text.slice('skipped '.length)) as { count: number }).count)
    const told = (): number => reader.data.length + skipped().reduce((a, b) => a + b, 0)
    await vi.waitUntil(() => told() === EVENTS, PATIENCE)
    // What the sockets hold is little against 100 MB of events.
    expect(reader.data.length).toBeLessThan(EVENTS / 2)
  })

  test('only so many at once', async () => {
    await start({ tailsMax: 1 })
    const first = await tail()
    expect((await tail()).response.statusCode).toBe(429)
    first.stop()
    await vi.waitUntil(() => live.status().subscribers === 0, PATIENCE)
    expect((await tail()).response.statusCode).toBe(200)
  })

  test('a reader that goes away leaves nothing behind', async () => {
    await start()
    const reader = await tail()
    await vi.waitUntil(() => live.status().subscribers === 1, PATIENCE)
    reader.stop()
    await vi.waitUntil(() => live.status().subscribers === 0, PATIENCE)
  })

  test('when the server closes, the stream ends and says so', async () => {
    await start()
    const reader = await tail()
    await server.close()
    await vi.waitUntil(() => reader.isOver, PATIENCE)
    expect(reader.seen).toEqual(['end {"reason":"the server is closing"}'])
  })
})

describe('mistakes are answered before the stream begins', () => {
  test.each([
    [{ query: '"open' }, 'QUERY_SYNTAX'],
    [{ query: '* | stats count()' }, 'QUERY_INVALID'],
    [{ cursor: 'nonsense' }, 'CURSOR_INVALID'],
    [{ cursor: '0000000000000001-elsewhere' }, 'CURSOR_INVALID'],
    [{ backlog: '1000000' }, 'REQUEST_INVALID'],
  ])('%j → %s', async (parameters: Record<string, string>, code) => {
    await start()
    const response = await fetch(`${server.url}/api/v1/tail?${new URLSearchParams(parameters).toString()}`)
    expect(await response.json()).toMatchObject({ status: 400, code })
  })
})

import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openConnection } from './connection.ts'
import { ServerAway, ServerProblem } from './failures.ts'
import { tailEvents, type TailInterruption, type TailItem } from './tail.ts'
import { answerJson, startTinyServer, type TinyServer } from './testing/tiny-server.ts'
import type { Patience } from './backoff.ts'

const TOTAL = 200
const patience: Patience = { wait: () => Promise.resolve(), random: () => 0.5 }

let server: TinyServer
let requests: { lastEventId: string | undefined; url: string }[]
/** How many events a connection gets before it is cut, at random places within the bytes. */
let cut: (connection: number) => 'clean' | 'torn' | 'end' | 'busy'

beforeEach(async () => {
  requests = []
  cut = () => 'end'
  server = await startTinyServer(async (request, response) => {
    const kind = cut(requests.length)
    const lastEventId = request.headers['last-event-id'] as string | undefined
    requests.push({ lastEventId, url: request.url ?? '' })
    if (kind === 'busy') {
      return answerJson(response, { code: 'TOO_MANY_REQUESTS', detail: 'busy' }, 429, { 'retry-after': '7' })
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('retry: 2000\n\nevent: start\nid: 0\ndata: {}\n\n')
    const first = Number(lastEventId ?? 0) + 1
    for (let id = first; id <= TOTAL; id++) {
      const text = `event: log\nid: ${id}\ndata: ${JSON.stringify({ message: `event ${id}` })}\n\n`
      if (kind !== 'end' && id === first + 7) {
        response.write(kind === 'torn' ? text.slice(0, text.length / 2) : '', () => response.destroy())
        return
      }
      if (!response.write(text)) await once(response, 'drain')
    }
    response.write('event: skipped\ndata: {"count":3}\n\n')
  })
})
afterEach(() => server.close())

async function take(count: number, options: Parameters<typeof tailEvents>[1] = {}): Promise<TailItem[]> {
  const stop = new AbortController()
  const items: TailItem[] = []
  const connection = openConnection({ url: server.url })
  for await (const item of tailEvents(connection, { patience, signal: stop.signal, ...options })) {
    items.push(item)
    if (items.length === count) stop.abort()
  }
  connection.close()
  return items
}

describe('a tail over a connection that is cut again and again', () => {
  test.each(['clean', 'torn'] as const)('%s: every event once and in order', async (kind) => {
    cut = (connection) => (connection < 25 ? kind : 'end')
    const interruptions: TailInterruption[] = []
    const connections: boolean[] = []
    const items = await take(TOTAL, {
      onInterruption: (interruption) => interruptions.push(interruption),
      onConnection: (isAgain) => connections.push(isAgain),
    })
    expect(items.map((item) => item.kind === 'event' && item.event.message)).toEqual(
      Array.from({ length: TOTAL }, (_, index) => `event ${index + 1}`),
    )
    expect(interruptions.length).toBe(25)
    expect(connections).toEqual([false, ...Array.from({ length: 25 }, () => true)])
    // Each connection that brought something begins the waiting anew.
    expect(interruptions.every(({ attempt, hadConnection }) => attempt === 0 && hadConnection)).toBe(true)
  })

  test('the backlog is asked for once, then the last event', async () => {
    cut = (connection) => (connection === 0 ? 'torn' : 'end')
    await take(20, { backlog: 5, query: 'level:error' })
    expect(requests).toEqual([
      { lastEventId: undefined, url: '/api/v1/tail?query=level%3Aerror&backlog=5' },
      { lastEventId: '7', url: '/api/v1/tail?query=level%3Aerror' },
    ])
  })

  test('skips are told', async () => {
    const items = await take(TOTAL + 1)
    expect(items.at(-1)).toEqual({ kind: 'skipped', count: 3 })
  })
})

test('a busy server is asked again after as long as it says', async () => {
  cut = (connection) => (connection === 0 ? 'busy' : 'end')
  const interruptions: TailInterruption[] = []
  await take(1, { onInterruption: (interruption) => interruptions.push(interruption) })
  expect(interruptions).toEqual([{ reason: 'busy', attempt: 0, waitMs: 7000, hadConnection: false }])
})

test('no server at the start is an error, one that goes away later is waited for', async () => {
  const { url } = server
  cut = () => 'torn'
  const connection = openConnection({ url })
  const stop = new AbortController()
  const waits: number[] = []
  const onInterruption = ({ waitMs, attempt }: TailInterruption) => {
    waits.push(waitMs)
    if (attempt === 6) stop.abort()
  }
  for await (const item of tailEvents(connection, { patience, signal: stop.signal, onInterruption })) {
    if (item.kind === 'event') await server.close()
  }
  expect(waits).toEqual([188, 375, 750, 1500, 3000, 6000, 11_250])
  await expect(tailEvents(connection, { patience }).next()).rejects.toBeInstanceOf(ServerAway)
})

test('a refusal is not tried again', async () => {
  const problems = [{ code: 'QUERY_UNKNOWN_PIPE', message: 'no such pipe', from: 2, to: 5 }]
  const refusing = await startTinyServer((_request, response) =>
    answerJson(response, { code: 'QUERY_INVALID', detail: 'mistakes', problems }, 400),
  )
  const first = tailEvents(openConnection({ url: refusing.url }), { query: '* | x', patience }).next()
  await expect(first).rejects.toMatchObject({ code: 'QUERY_INVALID', status: 400, problems })
  await expect(first).rejects.toBeInstanceOf(ServerProblem)
  await refusing.close()
})

test('an error in the middle of the stream ends it, unless it may pass', async () => {
  let connections = 0
  const failing = await startTinyServer((_request, response) => {
    connections++
    const status = connections === 1 ? 503 : 500
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`event: failure\ndata: ${JSON.stringify({ code: 'STORE_FAILED', status, detail: 'no store' })}\n\n`)
  })
  const tail = tailEvents(openConnection({ url: failing.url }), { patience })
  await expect(tail.next()).rejects.toMatchObject({ code: 'STORE_FAILED', status: 500 })
  expect(connections).toBe(2)
  await failing.close()
})

test('another server at the same address is watched from then on', async () => {
  const asked: unknown[] = []
  const changing = await startTinyServer((request, response) => {
    const lastEventId = request.headers['last-event-id']
    asked.push(lastEventId)
    if (lastEventId !== undefined) {
      return answerJson(response, { code: 'CURSOR_INVALID', detail: 'a cursor of another server' }, 400)
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`event: log\nid: n${asked.length}\ndata: {"message":"${asked.length}"}\n\n`)
  })
  const messages: string[] = []
  const reasons: string[] = []
  const onInterruption = ({ reason }: TailInterruption) => reasons.push(reason)
  for await (const item of tailEvents(openConnection({ url: changing.url }), { patience, onInterruption })) {
    if (item.kind === 'event') messages.push(item.event.message)
    if (messages.length === 2) break
  }
  expect(messages).toEqual(['1', '3'])
  expect(asked).toEqual([undefined, 'n1', undefined])
  expect(reasons).toEqual(['the server ended the stream', 'a cursor of another server'])
  await changing.close()
})

/** Ends the first connection like this, and answers the second like that. */
const withEnd = (end: object, second: { code: string; status: number }) =>
  startTinyServer((request, response) => {
    if (request.headers['last-event-id'] !== undefined) return answerJson(response, second, second.status)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`event: log\nid: 1\ndata: {"message":"a"}\n\nevent: end\ndata: ${JSON.stringify(end)}\n\n`)
  })

describe('a key that ends', () => {
  test.each([
    ['is told by the server', { reason: 'the key was revoked', code: 'KEY_REFUSED' }, 'ended the tail: the key was'],
    ['is noticed at the next connection', { reason: 'the server is closing' }, 'The server answered 401'],
  ])('%s, and is not tried again', async (_name, end, message) => {
    const ending = await withEnd(end, { code: 'KEY_REFUSED', status: 401 })
    const reasons: string[] = []
    const onInterruption = ({ reason }: TailInterruption) => reasons.push(reason)
    const tail = tailEvents(openConnection({ url: ending.url }), { patience, onInterruption })
    expect(await tail.next()).toMatchObject({ value: { kind: 'event', id: '1' } })
    const next = tail.next()
    await expect(next).rejects.toMatchObject({ name: 'ServerProblem', code: 'KEY_REFUSED', status: 401 })
    await expect(next).rejects.toThrow(message)
    // An end that may pass is an interruption like any other, and tells its reason.
    expect(reasons).toEqual('code' in end ? [] : ['the server is closing'])
    await ending.close()
  })

  test.each([401, 403])('status %s is final at any time', async (status) => {
    const refusing = await withEnd({ reason: 'x' }, { code: 'ACCESS_DENIED', status })
    const tail = tailEvents(openConnection({ url: refusing.url }), { patience })
    await tail.next()
    await expect(tail.next()).rejects.toMatchObject({ status })
    await refusing.close()
  })
})

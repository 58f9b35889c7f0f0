import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { openIngestServer, type IngestServer } from '../../sources/testing/ingest-server.ts'
import { DELIVERY_ATTRIBUTE } from '../../core/event.ts'
import { type Connection, openConnection } from '../connection.ts'
import { Servers } from './servers.ts'
import { DOUBT_MS, FAILOVER_MS, openUplink, RETURN_MS, rowsOf } from './testing/uplink.ts'

/** A server behind an address at which one can make it go away, or lose its answers. */
interface Place {
  url: string
  server: IngestServer
  state: 'there' | 'refusing' | 'losing-answers' | 'away'
}

async function openPlace(...options: Parameters<typeof openIngestServer>): Promise<Place> {
  const server = await openIngestServer(...options)
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (place.state === 'away') return void request.socket.destroy()
    if (place.state === 'refusing')
      return void response.writeHead(503, { 'content-type': 'application/json' }).end('{"code":"SPOOL_FULL"}')
    const body = await buffer(request)
    const answer = await fetch(server.url + (request.url ?? ''), {
      method: 'POST',
      headers: { 'content-type': String(request.headers['content-type']) },
      body: new Uint8Array(body),
    })
    const text = await answer.text()
    if (place.state === 'losing-answers' && request.url?.includes('/events')) {
      place.state = 'away'
      return void request.socket.destroy()
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
  }
  const front = createServer((request, response) => void pass(request, response))
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    front.closeAllConnections()
    front.close()
    await server.http.close()
  })
  const place: Place = { url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`, server, state: 'there' }
  return place
}

function messagesOf({ server }: Place): string[] {
  return server.sink.events().map(({ message }) => message)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

test('the next server takes over when one is away for long, and the preferred one gets its place back', async () => {
  const [a, b] = [await openPlace(), await openPlace()]
  const { uplink, pauses, told, pass } = openUplink([a.url, b.url])
  await uplink.deliver('d1', [rowsOf('one')])
  a.state = 'refusing'
  await uplink.deliver('d2', [rowsOf('two')])
  expect(sum(pauses)).toBeGreaterThanOrEqual(FAILOVER_MS)
  expect(sum(pauses)).toBeLessThan(FAILOVER_MS + 100)
  expect(told.at(-1)).toBe(`moved ${a.url} ${b.url}`)
  pass(RETURN_MS)
  await uplink.deliver('d3', [rowsOf('three')])
  expect(uplink.servers).toMatchObject([{ isCurrent: false }, { isCurrent: true }])
  a.state = 'there'
  pass(RETURN_MS)
  await uplink.deliver('d4', [rowsOf('four')])
  await expect.poll(() => uplink.servers).toMatchObject([{ isCurrent: true }, { isCurrent: false }])
  await uplink.deliver('d5', [rowsOf('five')])
  expect([messagesOf(a), messagesOf(b)]).toEqual([
    ['one', 'five'],
    ['two', 'three', 'four'],
  ])
  expect(told.at(-1)).toBe(`over ${a.url}`)
})

test('a preferred server that answers but takes nothing is returned to less and less often', () => {
  const connections = ['http://a', 'http://b'].map((url) => openConnection({ url }))
  const [a, b] = connections as [Connection, Connection]
  let nowMs = 0
  const servers = new Servers({ connections, failoverMs: FAILOVER_MS, returnMs: RETURN_MS, now: () => nowMs })
  const failoverOf = (connection: Connection): void => {
    const beganMs = nowMs
    nowMs += FAILOVER_MS
    servers.failed(connection, new Error('no'), beganMs)
  }
  const waitsMs: number[] = []
  failoverOf(a)
  for (let round = 0; round < 8; round++) {
    const leftMs = nowMs
    while (servers.toReturnTo().length === 0) nowMs += 1000
    waitsMs.push(nowMs - leftMs)
    servers.returnTo(a)
    failoverOf(a)
    expect(servers.current).toBe(b)
  }
  expect(waitsMs).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000, 600_000])
  while (servers.toReturnTo().length === 0) nowMs += 1000
  servers.returnTo(a)
  servers.delivered(a)
  failoverOf(a)
  nowMs += RETURN_MS
  expect(servers.toReturnTo()).toEqual([a])
})

test('the server that may have a delivery is asked for it before the next one gets it', async () => {
  const [a, b] = [await openPlace(), await openPlace()]
  const one = openUplink([a.url, b.url])
  a.state = 'losing-answers'
  one.onPause = () => {
    if (sum(one.pauses) > DOUBT_MS / 2) a.state = 'there'
  }
  await one.uplink.deliver('d1', [rowsOf('one')])
  expect([messagesOf(a), messagesOf(b)]).toEqual([['one'], []])
  expect(sum(one.pauses)).toBeGreaterThan(FAILOVER_MS)
})

test('it may be in both when that server stays away, which others need not wait for', async () => {
  const [a, b] = [await openPlace(), await openPlace()]
  const { uplink, pauses } = openUplink([a.url, b.url])
  a.state = 'losing-answers'
  await uplink.deliver('d1', [rowsOf('one')])
  expect(sum(pauses)).toBeGreaterThanOrEqual(DOUBT_MS)
  expect(sum(pauses)).toBeLessThan(DOUBT_MS + 100)
  await uplink.deliver('d2', [rowsOf('two')])
  expect([messagesOf(a), messagesOf(b)]).toEqual([['one'], ['one', 'two']])
})

test('where both have one store it is found there', async () => {
  const a = await openPlace()
  const marks = (): Promise<string[]> =>
    Promise.resolve(a.server.sink.events().flatMap(({ attributes }) => attributes.get(DELIVERY_ATTRIBUTE) ?? []))
  const b = await openPlace({}, {}, marks, undefined, { isStoreShared: true })
  const { uplink } = openUplink([a.url, b.url])
  a.state = 'losing-answers'
  await uplink.deliver('d1', [rowsOf('one')])
  await uplink.deliver('d2', [rowsOf('two')])
  expect([messagesOf(a), messagesOf(b)]).toEqual([['one'], ['two']])
})

test('all servers are asked what an earlier process delivered, one that stays away not for ever', async () => {
  const [a, b] = [await openPlace(), await openPlace()]
  await openUplink([a.url, b.url]).uplink.deliver('d1', [rowsOf('one')])
  const next = openUplink([b.url, a.url])
  expect(await next.uplink.wasTaken('d1')).toBe(true)
  expect(await next.uplink.wasTaken('d2')).toBe(false)
  expect(next.pauses).toEqual([])
  a.state = 'away'
  const last = openUplink([b.url, a.url])
  expect(await last.uplink.wasTaken('d1')).toBe(false)
  expect(sum(last.pauses)).toBeGreaterThanOrEqual(DOUBT_MS)
  b.state = 'away'
  last.onPause = () => void (b.state = 'there')
  await last.uplink.deliver('d2', [rowsOf('two')])
  expect(messagesOf(b)).toEqual(['two'])
})

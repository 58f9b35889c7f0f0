import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { EventBatch } from '../../core/batch.ts'
import { ROWS_TYPE } from '../../wire/rows/row-check.ts'
import { openIngestServer, type IngestServer } from '../testing/ingest-server.ts'
import { Deliveries } from './deliveries.ts'

function rows(...messages: string[]): Buffer {
  const batch = new EventBatch()
  for (const message of messages)
    batch.append({ message, service: 'shop', severity: 9, attributes: new Map([['a', 'b']]) })
  return batch.bytes.subarray(0, batch.length)
}

async function open(marks: string[] = []): Promise<IngestServer> {
  const server = await openIngestServer({}, {}, () => Promise.resolve(marks))
  onTestFinished(() => server.http.close())
  return server
}

async function post(server: IngestServer, path: string, body: Buffer | object, headers: Record<string, string> = {}) {
  const isRows = Buffer.isBuffer(body)
  const response = await fetch(`${server.url}/api/v1/agents/${path}`, {
    method: 'POST',
    headers: { 'content-type': isRows ? ROWS_TYPE : 'application/json', ...headers },
    body: isRows ? new Uint8Array(body) : JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const events = (delivery: string, attempt = 1, run = 'r1'): string =>
  `a1/events?run=${run}&delivery=${delivery}&attempt=${attempt}`

test('a delivery is stored once, and marked', async () => {
  const server = await open()
  expect((await post(server, events('d1'), rows('one', 'two'))).body).toEqual({ accepted: 2, repeated: false })
  await expect
    .poll(async () => (await post(server, events('d1', 2), rows('one', 'two'))).body)
    .toEqual({ accepted: 0, repeated: true })
  const packed = await post(server, events('d2'), gzipSync(rows('three')), { 'content-encoding': 'gzip' })
  expect(packed.body).toEqual({ accepted: 1, repeated: false })
  expect(server.sink.events().map(({ message, attributes }) => [message, attributes.get('agent.delivery')])).toEqual([
    ['one', undefined],
    ['two', 'a1/d1'],
    ['three', 'a1/d2'],
  ])
})

test('two that come at once are one', async () => {
  const server = await open()
  const answers = await Promise.all([1, 1, 1].map((attempt) => post(server, events('d', attempt), rows('one'))))
  expect(answers.map(({ body }) => Number(body['accepted'])).toSorted((a, b) => a - b)).toEqual([0, 0, 1])
  expect(server.sink.rows).toBe(1)
})

test('what was stored before the server started is known', async () => {
  const server = await open(['a1/d7'])
  await expect
    .poll(async () => (await post(server, 'a1/start', { run: 'r2', inDoubt: 'd7' })).body)
    .toEqual({ taken: true })
  expect((await post(server, 'a1/start', { run: 'r2', inDoubt: 'd8' })).body).toEqual({ taken: false })
})

test('a delivery that came in parts is there when its last part is', async () => {
  const server = await open()
  const taken = async (): Promise<unknown> =>
    (await post(server, 'a1/start', { run: 'r1', inDoubt: 'd' })).body['taken']
  await expect.poll(taken).toBe(false)
  for (const [part, isAll] of [
    ['d.00', false],
    ['d.01', false],
    ['d.10', false],
    ['d.11', true],
  ] as const) {
    expect((await post(server, events(part), rows(part))).body).toEqual({ accepted: 1, repeated: false })
    expect(await taken()).toBe(isAll)
  }
})

test('the process before is refused once the next has begun', async () => {
  const server = await open()
  expect((await post(server, 'a1/start', { run: 'r1' })).status).toBe(200)
  expect((await post(server, 'a1/start', { run: 'r2' })).status).toBe(200)
  expect((await post(server, events('late'), rows('late'))).body).toMatchObject({ code: 'AGENT_REPLACED' })
  expect((await post(server, events('new', 1, 'r2'), rows('new'))).status).toBe(200)
  expect(server.sink.events().map(({ message }) => message)).toEqual(['new'])
})

const good = rows('good')

test.each<[string, Buffer, string]>([
  ['nothing', Buffer.alloc(0), 'empty'],
  ['a row that is cut off', good.subarray(0, good.length - 1), 'cut_off'],
  ['a second one that is', Buffer.concat([good, good.subarray(0, 10)]), 'cut_off'],
  ['a length beyond the body', Buffer.concat([good.subarray(0, 17), Buffer.from([0xff, 0xff, 0xff, 0x7f])]), 'cut_off'],
  ['a length without end', Buffer.concat([good.subarray(0, 17), Buffer.alloc(20, 0xff)]), 'cut_off'],
  ['a level that is none', Buffer.concat([good.subarray(0, 16), Buffer.from([25]), good.subarray(17)]), 'severity'],
  ['text that is no UTF-8', Buffer.from(good.toString('latin1').replace('good', 'go\xffd'), 'latin1'), 'not_utf8'],
  ['noise', Buffer.from('no rows at all, but a text that somebody sent here'), 'severity'],
])('%s is refused, and counted', async (_name, body, reason) => {
  const server = await open()
  expect(await post(server, events('d'), body)).toMatchObject({ status: 400, body: { code: 'ROWS_INVALID' } })
  expect(server.sink.rows).toBe(0)
  expect(server.counters.total('ingest_rejected_total', { source: 'agent', reason })).toBe(1)
})

test('a delivery that could not be stored is taken when it comes again', async () => {
  const server = await open()
  let isFull = true
  server.sink.onWrite = () => {
    if (isFull) throw new Error('full')
  }
  expect((await post(server, events('d'), rows('one'))).status).toBe(500)
  isFull = false
  await expect.poll(async () => (await post(server, events('d', 2), rows('one'))).body).toMatchObject({ accepted: 1 })
})

test('deliveries are saved, and found again', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-deliveries-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const first = new Deliveries({ dir, agentsMax: 2, clock: () => 100_000_000_000n })
  for (const agent of ['a', 'b', 'c']) first.add(agent, 'd')
  await first.save()
  const second = new Deliveries({ dir, agentsMax: 2, clock: () => 0n })
  expect(second.savedThroughNs).toBe(40_000_000_000n)
  expect(await Promise.all(['a', 'b', 'c'].map((agent) => second.has(agent, 'd')))).toEqual([false, true, true])
})

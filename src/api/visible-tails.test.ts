/** The same for tails: what the store holds, what memory holds, and what comes while they are open. */
import { request, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { EventBatch } from '../core/batch.ts'
import { formatEventId } from '../core/event.ts'
import { openLive, type Live } from '../live/live.ts'
import { loadBatch, stampedBatch, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { DEFAULT_API_LIMITS } from './context.ts'
import {
  AFTER_BIRDS_NS,
  BIRD_FILTERS,
  birdEvent,
  birdId,
  BIRDS,
  BIRDS_NODE,
  BIRDS_NOW_NS,
  EVENTS_PER_BIRD,
  openBirds,
  type Bird,
} from './testing/birds.ts'
import { openApi, quietContext, type OpenApiServer } from './testing/open-api.ts'
import { testPrincipal, wordAccess, type TestPrincipal } from './testing/word-access.ts'

const PATIENCE = { timeout: 15_000 }
const LAST = 999

let temporary: TemporaryStore
let live: Live
let server: OpenApiServer
let receivedNs = AFTER_BIRDS_NS
const NODE = { node: BIRDS_NODE, clock: () => BIRDS_NOW_NS }
const principals: Record<string, TestPrincipal> = {}

function flock(number: number): EventBatch {
  const events = BIRDS.map((bird) => ({ ...birdEvent(bird, number), message: `${bird} ${number} tenant=a` }))
  const batch = stampedBatch(events, receivedNs)
  receivedNs += BigInt(events.length)
  return batch
}

beforeAll(async () => {
  temporary = await openBirds()
  live = openLive({ startNs: receivedNs })
  for (let number = EVENTS_PER_BIRD; number < EVENTS_PER_BIRD + 5; number++) {
    const batch = flock(number)
    await loadBatch(temporary.store, batch, BIRDS_NODE)
    live.publish(batch)
  }
  for (const [key, [filter]] of Object.entries(BIRD_FILTERS)) principals[key] = testPrincipal({ filter, keyId: key })
  server = await openApi(quietContext({ ...NODE, store: temporary.store, live }), { access: wordAccess(principals) })
})
afterAll(async () => {
  await server.close()
  await temporary.remove()
})

interface Tail {
  status: number
  text: () => string
  isOver: () => boolean
  stop(): void
}

async function tail(
  key: string,
  parameters: Record<string, string>,
  lastEventId = '',
  { url }: OpenApiServer = server,
): Promise<Tail> {
  const reader = new AbortController()
  const response = await fetch(`${url}/api/v1/tail?${new URLSearchParams(parameters).toString()}`, {
    headers: { authorization: `Bearer ${key}`, 'last-event-id': lastEventId },
    signal: reader.signal,
  })
  let text = ''
  let isOver = false
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true })
    } catch {
      // Cut off, by the server or by `stop`.
    }
    isOver = true
  }
  void read()
  return { status: response.status, text: () => text, isOver: () => isOver, stop: () => reader.abort() }
}

const QUERIES = [
  '',
  'ospr* OR merl* OR kestr*',
  'tenant:b OR *',
  'NOT tenant:zzz',
  '* | extract /tenant=(?<tenant>a)/',
  '* | parse logfmt | where tenant:a OR tenant:*',
  '* | where *',
  '* | fields attributes, message, service, node',
]
const BEGINNINGS: [name: string, parameters: Record<string, string>, lastEventId: string][] = [
  ['now', {}, ''],
  ['with a backlog', { backlog: '1000' }, ''],
  ['after the first event of all', { cursor: birdId('kestrel', 0) }, ''],
  ['after a hidden event, by header', {}, birdId('osprey', 3)],
  ['after one that never was', { cursor: formatEventId(1n, BIRDS_NODE) }, ''],
]

test.each(BEGINNINGS)('%s', { timeout: 120_000 }, async (_name, parameters, lastEventId) => {
  const tails: { key: string; query: string; visible: readonly Bird[]; opened: Tail }[] = []
  for (const [key, [, visible]] of Object.entries(BIRD_FILTERS)) {
    for (const query of QUERIES) {
      const opened = await tail(key, { query, ...parameters }, lastEventId)
      expect(opened.status).toBe(200)
      tails.push({ key, query, visible, opened })
    }
  }
  const batch = flock(LAST)
  live.publish(batch)
  await vi.waitUntil(
    () => tails.every(({ visible, opened }) => visible.every((bird) => opened.text().includes(`${bird} ${LAST}`))),
    PATIENCE,
  )
  for (const { key, query, visible, opened } of tails) {
    const seen = BIRDS.filter((bird) => opened.text().includes(bird))
    expect({ key, query, seen }).toEqual({ key, query, seen: visible })
    opened.stop()
  }
  await vi.waitUntil(() => live.status().subscribers === 0, PATIENCE)
  expect(Object.values(principals).filter(({ listeners }) => listeners > 0)).toEqual([])
})

test('where a tail begins tells a key with a filter nothing about hidden events', async () => {
  const starts: string[] = []
  for (let round = 0; round < 2; round++) {
    live.publish(flock(round))
    for (const key of ['everything', ...Object.keys(BIRD_FILTERS).filter((name) => BIRD_FILTERS[name]?.[0] !== '')]) {
      principals['everything'] ??= testPrincipal()
      const opened = await tail(key, {})
      await vi.waitUntil(() => opened.text().includes('event: start'), PATIENCE)
      starts.push(`${key} ${/"cursor":"(\w+)-/.exec(opened.text())?.[1] ?? ''}`)
      opened.stop()
    }
  }
  const told = new Set(starts.filter((start) => !start.startsWith('everything')))
  const moment = (BIRDS_NOW_NS - 1_000_000_000n).toString(16).padStart(16, '0')
  expect([...told].every((start) => start.endsWith(` ${moment}`))).toBe(true)
  expect(told.size).toBeGreaterThan(1)
  expect(new Set(starts.filter((start) => start.startsWith('everything'))).size).toBe(2)
})

describe('a tail whose key ends', () => {
  let ending: TestPrincipal
  beforeEach(() => {
    ending = testPrincipal()
    principals['ending'] = ending
  })

  test('says so, shows nothing more, and leaves nothing behind', async () => {
    const opened = await tail('ending', {})
    await vi.waitUntil(() => ending.listeners === 1, PATIENCE)
    live.publish(flock(1))
    await vi.waitUntil(() => opened.text().includes('merlin 1 '), PATIENCE)
    ending.end()
    live.publish(flock(2))
    await vi.waitUntil(opened.isOver, PATIENCE)
    expect(opened.text()).toMatch(
      /event: end\ndata: \{"reason":"the key is no longer valid","code":"KEY_REFUSED"\}\n\n$/,
    )
    expect(opened.text()).not.toContain('merlin 2 ')
    await vi.waitUntil(() => ending.listeners === 0, PATIENCE)
    expect(live.status().subscribers).toBe(0)
  })

  test('before it began ends at once', async () => {
    ending.end()
    const late = await tail('ending', { backlog: '100' })
    await vi.waitUntil(late.isOver, PATIENCE)
    expect(late.text()).toContain('no longer valid')
    expect(late.text()).not.toContain('event: log')
  })

  test('is cut off when its reader does not read', async () => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: 'Bearer ending' }
      request(`${server.url}/api/v1/tail`, { headers }, resolve).on('error', reject).end()
    })
    response.on('error', () => undefined).pause()
    const message = 'x'.repeat(100_000)
    for (let sent = 0; sent < 200; sent++) {
      live.publish(
        stampedBatch(
          Array.from({ length: 10 }, () => ({ message })),
          receivedNs,
        ),
      )
      receivedNs += 10n
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(ending.listeners).toBe(1)
    ending.end()
    // The response closes although nobody takes what was written.
    await vi.waitUntil(() => ending.listeners === 0, PATIENCE)
    expect(live.status().subscribers).toBe(0)
    response.destroy()
  })
})

test('one key has no more tails than its share', async () => {
  const limits = { ...DEFAULT_API_LIMITS, tailsPerKeyMax: 2 }
  const context = quietContext({ ...NODE, limits, store: temporary.store, live })
  const own = await openApi(context, { access: wordAccess(principals) })
  const opened = [await tail('service', {}, '', own), await tail('service', {}, '', own)]
  expect((await tail('service', {}, '', own)).status).toBe(429)
  expect(context.counters.total('tail_limited_total', { limit: 'tailsPerKeyMax' })).toBe(1)
  const other = await tail('attribute', {}, '', own)
  expect(other.status).toBe(200)
  opened[0]?.stop()
  await vi.waitUntil(async () => {
    const again = await tail('service', {}, '', own)
    again.stop()
    return again.status === 200
  }, PATIENCE)
  await own.close()
})

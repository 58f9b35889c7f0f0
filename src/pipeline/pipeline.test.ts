import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventBatch, EventView, NO_TIMESTAMP } from '../core/batch.ts'
import { Counters } from '../core/counters.ts'
import type { LogEvent } from '../core/event.ts'
import { formatTimestamp } from '../core/time.ts'
import { SKEW_ATTRIBUTE } from '../core/sink.ts'
import { createPipeline } from './pipeline.ts'
import { createReceivedClock } from './received.ts'

const NOW = 1_790_000_000_000_000_000n
const SKEW = 60_000_000_000n

function open(nowNs = NOW, isDone = false) {
  const given: EventBatch[] = []
  const written: EventBatch[] = []
  const published: EventBatch[] = []
  const counters = new Counters()
  const pipeline = createPipeline({
    spool: {
      hold: () => () => undefined,
      async write(batch) {
        written.push(batch)
      },
    },
    publish: (batch) => {
      published.push(batch)
      return isDone
    },
    batches: { give: (batch) => given.push(batch) },
    received: createReceivedClock(() => nowNs),
    counters,
    futureSkewMaxNs: SKEW,
    reservedService: 'tailrace.audit',
  })
  return { pipeline, written, published, given, counters }
}

function run(timestamps: (bigint | undefined)[], nowNs = NOW, isDone = false) {
  const { pipeline, ...seen } = open(nowNs, isDone)
  const batch = new EventBatch(16)
  for (const [index, timestampNs] of timestamps.entries()) {
    batch.append({ message: `m${index}`, service: 's', ...(timestampNs === undefined ? {} : { timestampNs }) })
  }
  return { done: pipeline.write(batch), batch, ...seen }
}

function events(batch: EventBatch | undefined): LogEvent[] {
  const view = new EventView()
  if (!batch) return []
  return Array.from({ length: batch.rows }, (_, row) => view.at(batch.bytes, batch.offsets[row] ?? 0).toEvent())
}

describe('timestamps', () => {
  const cases: [name: string, claim: bigint | undefined, kept: boolean][] = [
    ['missing', undefined, false],
    ['the mark for missing itself', NO_TIMESTAMP, false],
    ['now', NOW, true],
    ['ten years ago', NOW - 315_360_000_000_000_000n, true],
    ['1970', 0n, true],
    ['just before 1970', -1n, false],
    ['1900', -2_208_988_800_000_000_000n, false],
    ['within the skew', NOW + SKEW, true],
    ['beyond the skew by a nanosecond', NOW + SKEW + 1n, false],
    ['2262', 9_223_372_036_000_000_000n, false],
  ]
  test.each(cases)('%s', async (_name, claim, kept) => {
    const { done, published } = run([claim])
    await done
    const [event] = events(published[0])
    expect(event?.receivedNs).toBe(NOW)
    expect(event?.timestampNs).toBe(kept ? claim : NOW)
    const isSkewed = !kept && claim !== undefined && claim !== NO_TIMESTAMP
    expect(event?.attributes.has(SKEW_ATTRIBUTE)).toBe(isSkewed)
  })

  test('only the skewed rows of a batch change', async () => {
    const { done, published, counters } = run([NOW - 5n, NOW * 2n, undefined, NOW - 7n])
    await done
    const found = events(published[0])
    expect(found.map((event) => event.message)).toEqual(['m0', 'm1', 'm2', 'm3'])
    expect(found.map((event) => event.timestampNs)).toEqual([NOW - 5n, NOW + 1n, NOW + 2n, NOW - 7n])
    expect(found.map((event) => event.receivedNs)).toEqual([NOW, NOW + 1n, NOW + 2n, NOW + 3n])
    expect(counters.total('pipeline_clock_skewed_total')).toBe(1)
  })

  test('a writer that allows no skew keeps its order whatever its clock says', async () => {
    const { pipeline, published } = open()
    const claims = [-9n, 0n, 1n, 2n, 900n, SKEW / 2n, SKEW * 2n, SKEW * 2n + 1n]
    for (const half of [claims.slice(0, 4), claims.slice(4)]) {
      const batch = new EventBatch(16)
      for (const ahead of half) batch.append({ message: 'm', timestampNs: NOW + ahead })
      await pipeline.write(batch, { futureSkewMaxNs: 0n })
    }
    const found = published.flatMap((batch) => events(batch))
    expect(found.map(({ timestampNs }) => timestampNs - NOW)).toEqual([-9n, 0n, 1n, 2n, 4n, 5n, 6n, 7n])
    expect(found.map(({ attributes }) => attributes.get(SKEW_ATTRIBUTE))).toEqual(
      claims.map((ahead, index) => (index < 4 ? undefined : formatTimestamp(NOW + ahead))),
    )
  })

  test('received times carry over 32 bits', async () => {
    const edge = (NOW & ~0xffffffffn) | 0xfffffffen
    const { done, published } = run([undefined, undefined, undefined, undefined], edge)
    await done
    expect(events(published[0]).map((event) => event.receivedNs)).toEqual([edge, edge + 1n, edge + 2n, edge + 3n])
  })
})

test('the received clock rises strictly, whatever the wall clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.bigInt(0n, 1000n), fc.integer({ min: 1, max: 50 }))), (steps) => {
      let nowNs = 0n
      const clock = createReceivedClock(() => nowNs, 500n)
      let last = 500n
      for (const [now, count] of steps) {
        nowNs = now
        const first = clock.take(count)
        expect(first).toBeGreaterThan(last)
        expect(clock.lastNs).toBe(first + BigInt(count) - 1n)
        last = clock.lastNs
      }
    }),
  )
})

describe('the reserved service', () => {
  const SERVICES = ['a', 'tailrace.audit', 'Tailrace.AUDIT', 'tailrace.audit2', 'xtailrace.audi', '']

  test('is nobody’s but the server’s own', async () => {
    const { pipeline, published, given, counters } = open()
    const batch = new EventBatch(16)
    for (const service of SERVICES) batch.append({ message: 'm', service, timestampNs: NOW * 2n })
    await pipeline.write(batch)
    expect(events(published[0]).map(({ service }) => service)).toEqual([
      'a',
      'claimed:tailrace.audit',
      'claimed:Tailrace.AUDIT',
      'tailrace.audit2',
      'xtailrace.audi',
      '',
    ])
    expect(events(published[0]).every(({ attributes }) => attributes.has(SKEW_ATTRIBUTE))).toBe(true)
    expect(given[0]).toBe(batch)
    expect(counters.total('pipeline_service_claimed_total')).toBe(2)
  })

  test('is what the server’s own events bear', async () => {
    const { pipeline, published } = open()
    const batch = new EventBatch(16)
    batch.append({ message: 'm', service: 'tailrace.audit' })
    await pipeline.writeOwn(batch)
    expect(events(published[0])).toMatchObject([{ service: 'tailrace.audit', receivedNs: NOW }])
  })
})

test('a batch is given back once, when live is done with it', async () => {
  for (const isDone of [false, true]) {
    const { done, batch, given } = run([NOW], NOW, isDone)
    await done
    expect(given).toEqual(isDone ? [batch] : [])
  }
  const { done, batch, published, given } = run([NOW * 2n], NOW, true)
  await done
  expect(given).toEqual([batch, published[0]])
})

test('nothing is published when the spool refuses, and the batch is not used again', async () => {
  const published: EventBatch[] = []
  const given: EventBatch[] = []
  const sink = createPipeline({
    spool: { hold: () => () => undefined, write: () => Promise.reject(new Error('full')) },
    publish: (batch) => published.push(batch) > 0,
    batches: { give: (batch) => given.push(batch) },
    received: createReceivedClock(() => NOW),
    counters: new Counters(),
    futureSkewMaxNs: SKEW,
    reservedService: 'tailrace.audit',
  })
  const batch = new EventBatch()
  batch.append({ message: 'x' })
  await expect(sink.write(batch)).rejects.toThrow('full')
  expect(published).toEqual([])
  expect(given).toEqual([])
})

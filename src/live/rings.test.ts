import v8 from 'node:v8'
import vm from 'node:vm'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventView } from '../core/batch.ts'
import { RING_OVERHEAD_BYTES, ServiceRings } from './rings.ts'
import { stampedBatch, type StampedEvent } from './testing/batches.ts'

interface Kept {
  receivedNs: bigint
  service: string
  message: string
}

function kept(rings: ServiceRings): Kept[] {
  const view = new EventView()
  const events: Kept[] = []
  for (const ring of rings.all()) {
    for (const reader = ring.oldestFirst(); reader.next();) {
      view.at(reader.bytes, reader.start)
      events.push({ receivedNs: view.receivedNs, service: view.text('service'), message: view.text('message') })
    }
  }
  return events.toSorted((a, b) => Number(a.receivedNs - b.receivedNs))
}

function rowSize(event: StampedEvent): number {
  return stampedBatch([event]).length
}

/** Batches of events, some of whose services share a place in the cache; received times rise by 1 to 3 ns. */
const batches = fc
  .array(
    fc.array(
      fc.record({
        service: fc.oneof(fc.constantFrom('a', 'b', 'q1q2q', 'q8q2q', 'q9q2q', 'ü', ''), fc.constant('x'.repeat(200))),
        message: fc.string({ maxLength: 40 }),
        gap: fc.integer({ min: 1, max: 3 }),
      }),
      { maxLength: 12 },
    ),
    { maxLength: 12 },
  )
  .map((all) => {
    let receivedNs = 1000n
    return all.map((batch) =>
      batch.map(({ service, message, gap }): StampedEvent => {
        receivedNs += BigInt(gap)
        return { receivedNs, service, message }
      }),
    )
  })

test('every service keeps exactly its newest rows, and completeFromNs is just after the newest row lost', () => {
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 1500 }), (all, ringBytesMax) => {
      const rings = new ServiceRings({ budgetBytes: 2 ** 30, ringBytesMax, startNs: 1000n })
      const seen: StampedEvent[] = []
      for (const batch of all) {
        rings.add(stampedBatch(batch))
        seen.push(...batch)
        const room = new Map<string, number>()
        const expected: Kept[] = []
        let completeFromNs = 1000n
        for (const event of seen.toReversed()) {
          const service = event.service ?? ''
          const left = (room.get(service) ?? ringBytesMax) - rowSize(event)
          room.set(service, left < 0 ? -1 : left)
          if (left >= 0) expected.unshift({ receivedNs: event.receivedNs, service, message: event.message })
          else if (event.receivedNs >= completeFromNs) completeFromNs = event.receivedNs + 1n
        }
        expect(kept(rings)).toEqual(expected)
        expect(rings.completeFromNs).toBe(completeFromNs)
        expect(rings.events).toBe(expected.length)
      }
    }),
    { numRuns: 300 },
  )
})

test('over the budget whole rings go, least recently written first, and completeFromNs tells', () => {
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 8000 }), (all, budgetBytes) => {
      const rings = new ServiceRings({ budgetBytes, ringBytesMax: 4000, startNs: 1000n })
      const seen: StampedEvent[] = []
      for (const batch of all) {
        rings.add(stampedBatch(batch))
        seen.push(...batch)
        expect(rings.bytes).toBeLessThanOrEqual(budgetBytes)
        const held = kept(rings)
        const heldTimes = new Set(held.map((event) => event.receivedNs))
        const lost = seen.filter((event) => !heldTimes.has(event.receivedNs)).map((event) => event.receivedNs)
        expect(rings.completeFromNs).toBe(lost.reduce((max, ns) => (ns >= max ? ns + 1n : max), 1000n))
        const services = [...rings.all()].map((ring) => held.find((event) => rings.ring(event.service) === ring))
        expect(services.length).toBe(rings.count)
      }
    }),
    { numRuns: 300 },
  )
})

test('the ring written longest ago goes first', () => {
  const rings = new ServiceRings({ budgetBytes: RING_OVERHEAD_BYTES * 4, ringBytesMax: 4000, startNs: 0n })
  const write = (service: string, receivedNs: bigint): void =>
    rings.add(stampedBatch([{ service, message: 'm', receivedNs }]))
  write('a', 1n)
  write('b', 2n)
  write('c', 3n)
  write('a', 4n)
  expect(rings.evicted).toBe(0)
  write('d', 5n)
  expect(rings.evicted).toBe(1)
  expect(kept(rings).map((event) => event.service)).toEqual(['a', 'c', 'a', 'd'])
  expect(rings.completeFromNs).toBe(3n)
  write('b', 6n)
  expect(rings.evicted).toBe(2)
  expect(kept(rings).map((event) => event.service)).toEqual(['a', 'a', 'd', 'b'])
})

test(
  'a million services stay within the budget, and so does the memory that they really take',
  { timeout: 120_000 },
  () => {
    v8.setFlagsFromString('--expose-gc')
    const collectGarbage = vm.runInNewContext('gc') as () => void
    const usedBytes = (): number => {
      collectGarbage()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const budgetBytes = 16 * 1024 * 1024
    // Code that is compiled meanwhile, and what the runtime notes of it.
    const runtimeBytes = 8 * 1024 * 1024
    const rings = new ServiceRings({ budgetBytes, ringBytesMax: 64 * 1024, startNs: 0n })
    const services = 1_000_000
    const usedBefore = usedBytes()
    let highest = 0
    for (let first = 0; first < services; first += 1000) {
      const events = Array.from({ length: 1000 }, (_, i) => ({
        service: `service-${first + i}`,
        message: 'once',
        receivedNs: BigInt(first + i + 1),
      }))
      rings.add(stampedBatch(events))
      highest = Math.max(highest, rings.bytes)
      if (first % 250_000 === 100_000) expect(usedBytes() - usedBefore).toBeLessThan(budgetBytes + runtimeBytes)
    }
    expect(highest).toBeLessThanOrEqual(budgetBytes)
    expect(usedBytes() - usedBefore).toBeLessThan(budgetBytes + runtimeBytes)
    expect(rings.count).toBeLessThan(budgetBytes / RING_OVERHEAD_BYTES)
    expect(rings.count + rings.evicted).toBe(services)
    expect(rings.completeFromNs).toBe(BigInt(services - rings.count + 1))
    rings.close()
  },
)

test('the size of a ring is that of the longest prefix', () => {
  const rings = new ServiceRings({
    budgetBytes: 2 ** 20,
    ringBytesMax: 400,
    ringBytesByPrefix: { '/prod': 800, '/prod/app/debug': 200, '/prod/app': 2 ** 30, '': 300 },
    startNs: 0n,
  })
  const sizeOf = (service: string): number | undefined => {
    rings.add(stampedBatch([{ receivedNs: 1n, service, message: 'm' }]))
    return rings.ring(service)?.bytesMax
  }
  expect(sizeOf('/prod/x')).toBe(800)
  expect(sizeOf('/production')).toBe(800)
  expect(sizeOf('/prod/app/debug/1')).toBe(200)
  expect(sizeOf('/prod/app/http')).toBe(2 ** 19)
  expect(sizeOf('/other')).toBe(300)
  expect(sizeOf('')).toBe(300)
})

test('rings of services whose names begin with a prefix', () => {
  const rings = new ServiceRings({ budgetBytes: 2 ** 20, ringBytesMax: 400, startNs: 0n })
  const names = ['/a', '/a/b', '/ab', '/b', 'a']
  rings.add(stampedBatch(names.map((service, i) => ({ receivedNs: BigInt(i + 1), service, message: 'm' }))))
  const view = new EventView()
  const found = (prefix: string): string[] =>
    [...rings.beginningWith(prefix)].map((ring) => {
      const reader = ring.newestFirst()
      reader.next()
      return view.at(reader.bytes, reader.start).text('service')
    })
  expect(found('/a')).toEqual(['/a', '/a/b', '/ab'])
  expect(found('/a/b')).toEqual(['/a/b'])
  expect(found('')).toEqual(names)
  expect(found('/c')).toEqual([])
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventView } from '../core/batch.ts'
import { openLive, type Live } from './live.ts'
import { stampedBatch, turn } from './testing/batches.ts'

const SERVICES = ['/a', '/a/b', '/c']
const message = (event: EventView): string => event.text('message')

/** Publishes events numbered by their received time, spread over the services by the numbers given. */
function publish(live: Live, from: number, services: readonly number[]): void {
  const events = services.map((service, i) => ({
    receivedNs: BigInt(from + i),
    service: SERVICES[service] ?? '',
    message: String(from + i),
  }))
  live.publish(stampedBatch(events))
}

async function walk(live: Live, servicePrefix: string): Promise<{ values: string[]; missed: number }> {
  const values: string[] = []
  let missed = 0
  for await (const slice of live.newestFirst({ servicePrefix, select: message })) {
    values.push(...slice.items.map(({ value }) => value))
    missed += slice.missed
  }
  return { values, missed }
}

describe('newest first', () => {
  test('all of the services asked for, in order', async () => {
    const services = fc.array(fc.nat(2), { maxLength: 100 })
    const prefix = fc.constantFrom('', '/', '/a', '/a/b', '/c', '/d')
    const check = fc.asyncProperty(services, prefix, async (all, servicePrefix) => {
      const live = openLive({ startNs: 1n })
      publish(live, 1, all)
      const expected = all.flatMap((n, i) => (SERVICES[n]?.startsWith(servicePrefix) ? [String(i + 1)] : []))
      expect(await walk(live, servicePrefix)).toEqual({ values: expected.toReversed(), missed: 0 })
      live.close()
    })
    await fc.assert(check, { numRuns: 100 })
  })

  test('what is overwritten before the walk comes to it is counted, and nothing is shown twice or newer', async () => {
    const events = 30_000
    const live = openLive({ startNs: 1n, budgetBytes: 64 * 2 ** 20, ringBytesMax: 4 * 2 ** 20 })
    publish(live, 1, Array<number>(events).fill(0))
    const seen: number[] = []
    let missed = 0
    let written = events
    for await (const slice of live.newestFirst({ servicePrefix: '', select: message })) {
      seen.push(...slice.items.map(({ value }) => Number(value)))
      missed += slice.missed
      if (written < 200_000) publish(live, written + 1, Array<number>(60_000).fill(0))
      written = Math.max(written, Number(live.publishedThroughNs))
      await turn()
    }
    expect(missed).toBeGreaterThan(0)
    expect(seen.length + missed).toBe(events)
    expect(seen).toEqual(Array.from(seen, (_, i) => events - i))
    live.close()
  })

  test('a ring that is evicted under the walk is missed as a whole', async () => {
    const live = openLive({ startNs: 1n, budgetBytes: 256 * 1024, ringBytesMax: 1024 * 1024 })
    publish(live, 1, Array<number>(3000).fill(2))
    const held = live.status().ringEvents
    let missed = 0
    let seen = 0
    for await (const slice of live.newestFirst({ servicePrefix: '/c', select: message })) {
      if (seen === 0) {
        for (let n = 0; n < 300; n++)
          live.publish(stampedBatch([{ receivedNs: BigInt(9000 + n), service: `x${n}`, message: 'm'.repeat(900) }]))
      }
      seen += slice.items.length
      missed += slice.missed
    }
    expect(seen + missed).toBe(held)
    live.close()
  })
})

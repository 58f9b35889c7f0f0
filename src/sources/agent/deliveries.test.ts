import { describe, expect, test } from 'vitest'
import { Deliveries, markOf } from './deliveries.ts'

const MANY = 100

function numbered(prefix: string): string[] {
  return Array.from({ length: MANY }, (_, number) => `${prefix}-${number}`)
}

async function takenBy(deliveries: Deliveries, ids: readonly string[]): Promise<void> {
  for (const id of ids) await deliveries.once('one', id, () => Promise.resolve())
}

describe('which deliveries have arrived', () => {
  test('what is taken before earlier ones are recalled is not forgotten for them', async () => {
    const deliveries = new Deliveries({ agentsMax: 10, clock: () => 0n })
    await takenBy(deliveries, ['new'])
    deliveries.recall(numbered('old').map((id) => markOf('one', id)))
    expect(await deliveries.has('one', 'new')).toBe(true)
    expect(await deliveries.has('one', 'old-99')).toBe(true)
    expect(await deliveries.has('one', 'old-1')).toBe(false)
  })

  test('one of files that comes again is known, however many came from the spool meanwhile, and the other way round', async () => {
    const deliveries = new Deliveries({ agentsMax: 10, clock: () => 0n })
    await takenBy(deliveries, ['f00d-1', ...numbered('s')])
    expect(await deliveries.once('one', 'f00d-1', () => Promise.reject(new Error('twice')))).toBe(false)
    await takenBy(deliveries, numbered('f00d'))
    expect(await deliveries.once('one', 's-99', () => Promise.reject(new Error('twice')))).toBe(false)
  })

  test('nor is one in doubt forgotten for what came the other way before it was recalled', async () => {
    const deliveries = new Deliveries({ agentsMax: 10, clock: () => 0n })
    await takenBy(deliveries, numbered('s'))
    deliveries.recall([markOf('one', 'f00d-1')])
    expect(await deliveries.has('one', 'f00d-1')).toBe(true)
  })

  test('what others took is looked up for one delivery, and nothing else is forgotten for it', async () => {
    const deliveries = new Deliveries({ agentsMax: 10, clock: () => 0n })
    deliveries.recall([])
    await takenBy(deliveries, ['f00d-1'])
    deliveries.learn(
      [...numbered('beef'), 'f00d-2.0', 'f00d-2.1'].map((id) => markOf('one', id)),
      'one',
      'f00d-2',
    )
    expect(await deliveries.has('one', 'f00d-1')).toBe(true)
    expect(await deliveries.has('one', 'f00d-2')).toBe(true)
    expect(await deliveries.has('one', 'beef-99')).toBe(false)
  })
})

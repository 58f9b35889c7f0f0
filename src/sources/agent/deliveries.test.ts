import { expect, test } from 'vitest'
import { Deliveries, markOf } from './deliveries.ts'

test('what is taken before earlier deliveries are recalled is not forgotten for them', async () => {
  const deliveries = new Deliveries({ agentsMax: 10, clock: () => 0n })
  await deliveries.once('one', 'new', () => Promise.resolve())
  deliveries.recall(Array.from({ length: 100 }, (_, number) => markOf('one', `old-${number}`)))
  expect(await deliveries.has('one', 'new')).toBe(true)
  expect(await deliveries.has('one', 'old-99')).toBe(true)
  expect(await deliveries.has('one', 'old-1')).toBe(false)
})

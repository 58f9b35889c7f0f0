import { expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import type { ApiContext } from './context.ts'
import { createTailPlaces } from './tail-places.ts'

test.each([
  [1, 9, '1 tail is open with this key, which is the limit.'],
  [2, 9, '2 tails are open with this key, which is the limit.'],
  [9, 1, '1 tail is open, which is the limit.'],
])('%s for a key, %s for all: who comes too late is told which', (tailsPerKeyMax, tailsMax, detail) => {
  const limits = { tailsPerKeyMax, tailsMax } as ApiContext['limits']
  const take = createTailPlaces({ limits, counters: new Counters() })
  for (let count = 0; count < Math.min(tailsPerKeyMax, tailsMax); count++) take('a')
  expect(() => take('a')).toThrow(expect.objectContaining({ code: 'TOO_MANY_REQUESTS', detail }))
})

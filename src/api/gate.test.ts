import { expect, test } from 'vitest'
import { createGate } from './gate.ts'

const NEVER = new AbortController().signal
const OPTIONS = { insideMax: 2, waitingMax: 1, waitMsMax: 60_000, what: 'queries' }

test('lets as many in as it may, then one waits, then it refuses', async () => {
  const gate = createGate(OPTIONS)
  const leaveFirst = await gate.enter(NEVER)
  const leaveSecond = await gate.enter(NEVER)
  const order: string[] = []
  const third = gate.enter(NEVER).then((leave) => {
    order.push('third is in')
    return leave
  })
  await expect(gate.enter(NEVER)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterSeconds: 1 })
  expect(order).toEqual([])
  leaveFirst()
  const leaveThird = await third
  expect(order).toEqual(['third is in'])
  leaveSecond()
  leaveThird()
  leaveThird()
  await Promise.all([gate.enter(NEVER), gate.enter(NEVER)])
})

test('who goes away while waiting leaves the place to others', async () => {
  const gate = createGate({ ...OPTIONS, insideMax: 1 })
  const leave = await gate.enter(NEVER)
  const reader = new AbortController()
  const waits = gate.enter(reader.signal)
  reader.abort()
  await expect(waits).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
  const next = gate.enter(NEVER)
  leave()
  expect(await next).toBeTypeOf('function')
})

test('waits a bounded time', async () => {
  const gate = createGate({ ...OPTIONS, insideMax: 1, waitMsMax: 5 })
  await gate.enter(NEVER)
  await expect(gate.enter(NEVER)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
})

test('an aborted reader does not enter', async () => {
  await expect(createGate(OPTIONS).enter(AbortSignal.abort())).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
})

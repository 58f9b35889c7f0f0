import { expect, test } from 'vitest'
import { createGate, type GateOptions } from './gate.ts'

const NEVER = new AbortController().signal
const refused: string[] = []
const OPTIONS: GateOptions = {
  insideMax: 2,
  perKeyMax: 2,
  waitingMax: 1,
  waitMsMax: 60_000,
  what: 'queries',
  limit: 'queriesMax',
  limitPerKey: 'queriesPerKeyMax',
  onRefused: (limit) => refused.push(limit),
}

test('lets as many in as it may, then one waits, then it refuses', async () => {
  const gate = createGate(OPTIONS)
  const leaveFirst = await gate.enter(NEVER, '')
  const leaveSecond = await gate.enter(NEVER, '')
  const order: string[] = []
  const third = gate.enter(NEVER, '').then((leave) => {
    order.push('third is in')
    return leave
  })
  await expect(gate.enter(NEVER, '')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfterSeconds: 1 })
  expect(refused.splice(0)).toEqual(['queriesWaitingMax'])
  expect(order).toEqual([])
  leaveFirst()
  const leaveThird = await third
  expect(order).toEqual(['third is in'])
  leaveSecond()
  leaveThird()
  leaveThird()
  await Promise.all([gate.enter(NEVER, ''), gate.enter(NEVER, '')])
})

test('one key has no more than its share, and does not hold up the others', async () => {
  const gate = createGate({ ...OPTIONS, insideMax: 3, perKeyMax: 1, waitingMax: 4 })
  const leaveA = await gate.enter(NEVER, 'a')
  const order: string[] = []
  const enter = async (key: string, name: string): Promise<() => void> => {
    const leave = await gate.enter(NEVER, key)
    order.push(name)
    return leave
  }
  const secondA = enter('a', 'a2')
  const leaveB = await enter('b', 'b1')
  const secondB = enter('b', 'b2')
  // Half of those who may wait.
  const thirdA = enter('a', 'a3')
  await expect(gate.enter(NEVER, 'a')).rejects.toMatchObject({ detail: expect.stringContaining('with this key') })
  expect(refused.splice(0)).toEqual(['queriesWaitingMax'])
  leaveB()
  await secondB
  leaveA()
  const leaveSecondA = await secondA
  leaveSecondA()
  await thirdA
  expect(order).toEqual(['b1', 'b2', 'a2', 'a3'])
})

test('who has no key has no share', async () => {
  const gate = createGate({ ...OPTIONS, perKeyMax: 1 })
  await Promise.all([gate.enter(NEVER, ''), gate.enter(NEVER, '')])
})

test('who goes away while waiting leaves the place to others', async () => {
  const gate = createGate({ ...OPTIONS, insideMax: 1 })
  const leave = await gate.enter(NEVER, '')
  const reader = new AbortController()
  const waits = gate.enter(reader.signal, '')
  reader.abort()
  await expect(waits).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
  const next = gate.enter(NEVER, '')
  leave()
  expect(await next).toBeTypeOf('function')
})

test('waits a bounded time, and counts which limit it was', async () => {
  const gate = createGate({ ...OPTIONS, perKeyMax: 1, waitMsMax: 5 })
  await gate.enter(NEVER, 'a')
  await expect(gate.enter(NEVER, 'a')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
  expect(refused.splice(0)).toEqual(['queriesPerKeyMax'])
  await gate.enter(NEVER, 'b')
  await expect(gate.enter(NEVER, 'c')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
  expect(refused.splice(0)).toEqual(['queriesMax'])
})

test('who is patient waits without an end, and crowds nobody out', async () => {
  const gate = createGate({ ...OPTIONS, insideMax: 1, waitMsMax: 5 })
  const leave = await gate.enter(NEVER, 'a')
  const order: string[] = []
  const patient = ['p1', 'p2', 'p3'].map(async (name) => {
    const leave = await gate.enterPatiently(NEVER, 'a')
    order.push(name)
    leave()
  })
  await expect(gate.enter(NEVER, 'b')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' })
  expect(refused.splice(0)).toEqual(['queriesMax'])
  const reader = new AbortController()
  const gone = gate.enterPatiently(reader.signal, 'a')
  reader.abort()
  await expect(gone).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
  expect(order).toEqual([])
  leave()
  await Promise.all(patient)
  expect(order).toEqual(['p1', 'p2', 'p3'])
})

test('an aborted reader does not enter', async () => {
  await expect(createGate(OPTIONS).enter(AbortSignal.abort(), '')).rejects.toMatchObject({ code: 'QUERY_CANCELLED' })
})

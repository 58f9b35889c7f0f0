import { expect, test } from 'vitest'
import { createEventClock } from './clock.ts'

test('rises, also within a millisecond and when the clock is set back, and tells how far back', () => {
  let ms = Date.parse('2026-01-05T10:11:12.345Z')
  const clock = createEventClock(() => ms)
  const times = [clock.next(), clock.next()]
  expect(times).toEqual(['2026-01-05T10:11:12.345000000Z', '2026-01-05T10:11:12.345000001Z'])
  expect(clock.setBackTo).toBe(undefined)
  ms -= 500
  times.push(clock.next())
  expect(clock.setBackTo).toBe(undefined)
  ms -= 3_599_500
  times.push(clock.next())
  expect(clock.setBackTo).toBe('2026-01-05T09:11:12.345Z')
  ms += 3_600_001
  times.push(clock.next())
  expect(times.at(-1)).toBe('2026-01-05T10:11:12.346000000Z')
  expect(clock.setBackTo).toBe(undefined)
  expect([...times].sort()).toEqual(times)
})

test('a million events within one millisecond go on into the next', () => {
  const clock = createEventClock(() => 7)
  let last = clock.next()
  for (let n = 0; n < 1_000_001; n++) {
    const next = clock.next()
    if (next <= last) expect.unreachable(`${next} after ${last}`)
    last = next
  }
  expect(last).toBe('1970-01-01T00:00:00.008000001Z')
})

test('whatever the clock says, times rise and can be read', () => {
  const said = [-1, 8.64e15, Number.NaN, 0, Infinity, -Infinity, Date.UTC(2026, 0), Date.UTC(12_000, 0)]
  const clock = createEventClock(() => said.shift() ?? 0)
  const times = Array.from({ length: 8 }, () => {
    const time = clock.next()
    expect(() => clock.setBackTo).not.toThrow()
    return time
  })
  for (const time of times) expect(time).toMatch(/^(1970|2255)-\d\d-\d\dT[\d:.]{18}Z$/)
  expect([...times].sort()).toEqual(times)
})

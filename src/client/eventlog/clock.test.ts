import { expect, test } from 'vitest'
import { createEventClock } from './clock.ts'

test('rises, also within a millisecond and when the clock is set back', () => {
  let ms = Date.parse('2026-01-05T10:11:12.345Z')
  const time = createEventClock(() => ms)
  const times = [time(), time()]
  expect(times).toEqual(['2026-01-05T10:11:12.345000000Z', '2026-01-05T10:11:12.345000001Z'])
  ms -= 3_600_000
  times.push(time())
  ms += 3_600_001
  times.push(time())
  expect(times.at(-1)).toBe('2026-01-05T10:11:12.346000000Z')
  expect([...times].sort()).toEqual(times)
})

test('a million events within one millisecond go on into the next', () => {
  const time = createEventClock(() => 7)
  let last = time()
  for (let n = 0; n < 1_000_001; n++) {
    const next = time()
    if (next <= last) expect.unreachable(`${next} after ${last}`)
    last = next
  }
  expect(last).toBe('1970-01-01T00:00:00.008000001Z')
})

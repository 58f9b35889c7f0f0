import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReplayWindow } from './replays.ts'

const START_MS = 1_800_000_000_000
const SKEW_MS = 300_000
const replayWindow = (signaturesMax = 1000, startMs = START_MS) =>
  new ReplayWindow({ skewMs: SKEW_MS, signaturesMax, startMs })

test('a signature is fresh once, for as long as its time is in the window', () => {
  const window = replayWindow()
  const times = [START_MS, START_MS + 1, START_MS + SKEW_MS]
  for (const [index, time] of times.entries()) expect(window.admit(`s${index}`, time, START_MS)).toBe('fresh')
  for (let nowMs = START_MS; nowMs <= START_MS + 3 * SKEW_MS; nowMs += 10_000) {
    for (const [index, time] of times.entries()) {
      expect(window.admit(`s${index}`, time, nowMs)).toBe(Math.abs(time - nowMs) <= SKEW_MS ? 'replayed' : 'time')
    }
  }
  expect(window.size).toBe(0)
})

test.each([
  ['too old', -SKEW_MS - 1, 'time'],
  ['just old enough', -SKEW_MS, 'fresh'],
  ['now', 0, 'fresh'],
  ['just new enough', SKEW_MS, 'fresh'],
  ['too new', SKEW_MS + 1, 'time'],
  ['NaN', Number.NaN, 'time'],
])('%s', (_what, skewMs, verdict) => {
  expect(replayWindow(10, 0).admit('s', START_MS + skewMs, START_MS)).toBe(verdict)
})

test('a time before the start is refused, as an earlier process may have seen it', () => {
  expect(replayWindow().admit('s', START_MS - 1, START_MS + 10)).toBe('time')
})

test('when full it says so, knows replays still, and has room again when the oldest are forgotten', () => {
  const window = replayWindow(3)
  for (let index = 0; index < 3; index++) expect(window.admit(`s${index}`, START_MS, START_MS)).toBe('fresh')
  expect(window.admit('s3', START_MS + 1, START_MS)).toBe('full')
  expect(window.admit('s0', START_MS, START_MS)).toBe('replayed')
  const seconds = window.roomInSeconds(START_MS)
  expect(seconds).toBeGreaterThan(SKEW_MS / 1000 - 1)
  const laterMs = START_MS + seconds * 1000
  expect(window.admit('s4', laterMs, laterMs)).toBe('fresh')
  expect(window.size).toBe(1)
})

test('a clock that is set back lets nothing be received again', () => {
  const window = replayWindow()
  expect(window.admit('s', START_MS, START_MS)).toBe('fresh')
  const laterMs = START_MS + 10 * SKEW_MS
  expect(window.admit('t', laterMs, laterMs)).toBe('fresh')
  expect(window.admit('s', START_MS, START_MS)).not.toBe('fresh')
  expect(window.admit('s', START_MS, START_MS + 1000)).not.toBe('fresh')
})

test('whatever comes whenever: as a list of everything ever received would decide', () => {
  const step = fc.record({
    aheadMs: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 700 })),
    skewMs: fc.integer({ min: -130, max: 130 }),
    name: fc.integer({ min: 0, max: 3 }),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 60 }), (skewMs, steps) => {
      const window = new ReplayWindow({ skewMs, signaturesMax: 1e6, startMs: 1000 })
      const received = new Set<string>()
      let nowMs = 1000
      for (const { aheadMs, skewMs: ownMs, name } of steps) {
        nowMs += aheadMs
        const timestampMs = nowMs + ownMs
        const signature = `${name} ${timestampMs}`
        const isTimely = Math.abs(ownMs) <= skewMs && timestampMs >= 1000
        const expected = !isTimely ? 'time' : received.has(signature) ? 'replayed' : 'fresh'
        expect(window.admit(signature, timestampMs, nowMs)).toBe(expected)
        received.add(isTimely ? signature : '')
      }
    }),
  )
})

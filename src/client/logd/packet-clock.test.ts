import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PacketClock } from './packet-clock.ts'

/** A wall clock that shows whole milliseconds, as Date.now does, and a steady one that began at another time. */
function clocks(timesMs: number[]) {
  let index = 0
  return {
    advance: () => index++,
    wallMs: () => Math.floor(timesMs[index] ?? 0),
    steadyMs: () => (timesMs[index] ?? 0) - 1_699_999_000_000,
  }
}

describe('the time of a packet', () => {
  test('is of the clock, to the microsecond, when it can be', () => {
    const turned = clocks([1_700_000_000_000, 1_700_000_000_001.25])
    const clock = new PacketClock(turned, () => 0.7)
    expect(clock.nowNs()).toBe(1_700_000_000_000_000_700n)
    turned.advance()
    expect(clock.nowNs()).toBe(1_700_000_000_001_250_700n)
  })

  test('never stands, is never ahead of the clock, and at most 2 ms behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 1, maxLength: 200 }), (stepsMs) => {
        let ms = 1_700_000_000_000.5
        const times = stepsMs.map((step) => (ms += step))
        const turned = clocks(times)
        const clock = new PacketClock(turned, () => 0.999)
        let last = 0n
        for (const time of times) {
          const now = clock.nowNs()
          expect(now).toBeGreaterThan(last)
          last = now
          // A microsecond of random digits, and a nanosecond for each that would have been the same.
          expect(Number(now - BigInt(Math.floor(time)) * 1_000_000n) / 1e6).toBeLessThan((time % 1) + 0.002)
          expect(Number(BigInt(Math.ceil(time)) * 1_000_000n - now) / 1e6).toBeLessThan(3)
          turned.advance()
        }
      }),
    )
  })

  test('follows the machine when its clock is set back', () => {
    let wallMs = 1_700_000_100_000
    const clock = new PacketClock({ wallMs: () => wallMs, steadyMs: () => 5 }, () => 0)
    clock.nowNs()
    wallMs -= 100_000
    expect(clock.nowNs()).toBe(1_700_000_000_000_000_000n)
  })
})

import { describe, expect, test } from 'vitest'
import { addressBlock } from './address-block.ts'
import { RateLimit } from './rate-limit.ts'

function limit(options: { max: number; windowMs?: number; namesMax?: number }) {
  const time = { ms: 1000.25 }
  const rate = new RateLimit({ windowMs: 1000, namesMax: 100, clock: () => time.ms, ...options })
  return { rate, time }
}

/** How many of so many are let through. */
function admitted(rate: RateLimit, name: string, tries: number): number {
  return Array.from({ length: tries }, () => rate.take(name)).filter((waitMs) => waitMs === 0).length
}

describe('a rate', () => {
  test.each([1, 3, 7, 60, 10_000, 33_333])('%i at once, and not one more', (max) => {
    const { rate, time } = limit({ max })
    expect(admitted(rate, 'a', max + 5)).toBe(max)
    time.ms += 1000
    expect(admitted(rate, 'a', max + 5)).toBe(max)
    time.ms += 1_000_000
    expect(admitted(rate, 'a', max + 5)).toBe(max)
  })

  test('says how long to wait, which is then enough and not too long', () => {
    const { rate, time } = limit({ max: 10 })
    expect(admitted(rate, 'a', 10)).toBe(10)
    const waitMs = rate.take('a')
    expect(waitMs).toBeCloseTo(100)
    expect(rate.waitMs('a')).toBe(waitMs)
    time.ms += waitMs - 1
    expect(rate.take('a')).toBeCloseTo(1)
    time.ms += 1
    expect(rate.waitMs('a')).toBe(0)
    expect(rate.take('a')).toBe(0)
    expect(rate.take('a')).toBeCloseTo(100)
  })

  test('who is refused does not wait longer for it', () => {
    const { rate, time } = limit({ max: 2 })
    expect(admitted(rate, 'a', 1000)).toBe(2)
    time.ms += 500
    expect(admitted(rate, 'a', 1000)).toBe(1)
  })

  test('who keeps to it is never refused', () => {
    const { rate, time } = limit({ max: 100 })
    for (let i = 0; i < 10_000; i++, time.ms += 10) expect(rate.take('a')).toBe(0)
  })

  test('looking takes nothing, and names have nothing to do with each other', () => {
    const { rate } = limit({ max: 1 })
    expect([rate.waitMs('a'), rate.waitMs('a'), rate.take('a'), rate.take('b')]).toEqual([0, 0, 0, 0])
    expect(rate.waitMs('a')).toBeCloseTo(1000)
    expect(rate.waitMs('c')).toBe(0)
  })

  test('remembers a bounded number of names, and forgets those that were not seen for long', () => {
    const { rate } = limit({ max: 1, namesMax: 100 })
    for (const name of ['seen', 'unseen']) expect(rate.take(name)).toBe(0)
    for (let i = 0; i < 1000; i++) {
      rate.take(`name ${i}`)
      if (i % 40 === 0) expect(rate.take('seen')).toBeGreaterThan(0)
      expect(rate.names).toBeLessThanOrEqual(100)
    }
    expect(rate.take('unseen')).toBe(0)
  })
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::', '2001:db8:1:2::/64'],
  ['2001:db8:1::2', '2001:db8:1:0::/64'],
  ['2001:db8::1:2:3:4:5', '2001:db8:0:1::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
])('%s is in %s', (address, block) => expect(addressBlock(address)).toBe(block))

import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { IdWindow } from './id-window.ts'

const id = (n: number): Buffer => hash('sha256', String(n), 'buffer')

function open(windowMs: number, idsMax: number) {
  const clock = { ms: 0 }
  const forgotten: number[] = []
  const window = new IdWindow({ windowMs, idsMax, now: () => clock.ms, onForgotten: (count) => forgotten.push(count) })
  return { window, clock, forgotten }
}

test('knows what it was told, and nothing else, through all its growth', () => {
  const { window, forgotten } = open(1000, 1_000_000)
  for (let n = 0; n < 50_000; n++) {
    if (n % 7 === 0) expect(window.has(id(n))).toBe(false)
    window.add(id(n))
    window.add(id(n))
  }
  expect(window.size).toBe(50_000)
  for (let n = 0; n < 50_000; n++) expect(window.has(id(n))).toBe(true)
  for (let n = 50_000; n < 100_000; n++) expect(window.has(id(n))).toBe(false)
  expect(forgotten).toEqual([])
})

test('ids that differ in one word only', () => {
  const { window } = open(1000, 100)
  const ids = Array.from({ length: 32 }, (_, n) => {
    const bytes = Buffer.alloc(16)
    bytes.writeUInt32LE(n % 2, 0)
    bytes.writeUInt32LE(1 + (n >> 1), 4 * (1 + (n % 3)))
    return bytes
  })
  for (const [n, bytes] of ids.entries()) {
    const isNew = !ids.slice(0, n).some((other) => other.equals(bytes))
    expect(window.has(bytes)).toBe(!isNew)
    window.add(bytes)
  }
})

test('remembers for the window at least, and for two at most', () => {
  const { window, clock, forgotten } = open(1000, 1_000_000)
  window.add(id(1))
  clock.ms = 999
  window.add(id(2))
  clock.ms = 1000
  window.add(id(3))
  expect([1, 2, 3].map((n) => window.has(id(n)))).toEqual([true, true, true])
  clock.ms = 1999
  window.add(id(4))
  expect(window.has(id(2))).toBe(true)
  clock.ms = 2000
  window.add(id(5))
  expect([1, 2, 3, 4, 5].map((n) => window.has(id(n)))).toEqual([false, false, true, true, true])
  expect(forgotten).toEqual([])
})

test('beyond its size the older half goes, and that is told', () => {
  const { window, forgotten } = open(1000, 100)
  for (let n = 0; n < 151; n++) window.add(id(n))
  expect(window.size).toBe(51)
  expect(forgotten).toEqual([50, 50])
  expect([0, 99, 100, 150].map((n) => window.has(id(n)))).toEqual([false, false, true, true])
})

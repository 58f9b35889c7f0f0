import { expect, test } from 'vitest'
import { digestInto, type EventIds, ID_CHARS, ID_WORDS, parseId, writeIdText } from './event-ids.ts'
import { IdWindow } from './id-window.ts'

function id(n: number): EventIds {
  const ids = new Uint32Array(ID_WORDS)
  digestInto(ids, 0, Buffer.from(String(n)))
  return ids
}

function open(windowMs: number, idsMax: number) {
  const clock = { ms: 0 }
  const forgotten: number[] = []
  const window = new IdWindow({ windowMs, idsMax, now: () => clock.ms, onForgotten: (count) => forgotten.push(count) })
  const has = (n: number): boolean => window.writeOf(id(n), 0) !== undefined
  const add = (n: number, write = 0): void => {
    window.expect(1)
    window.add(id(n), 0, write)
  }
  return { window, clock, forgotten, has, add }
}

test('knows what it was told, and nothing else, through all its growth', () => {
  const { window, forgotten, has, add } = open(1000, 1_000_000)
  for (let n = 0; n < 50_000; n++) {
    if (n % 7 === 0) expect(has(n)).toBe(false)
    add(n, n)
    add(n, n + 1)
  }
  expect(window.size).toBe(50_000)
  for (let n = 0; n < 50_000; n++) if (window.writeOf(id(n), 0) !== n + 1) expect.unreachable(`id ${n}`)
  for (let n = 50_000; n < 100_000; n++) if (has(n)) expect.unreachable(`id ${n}`)
  expect(forgotten).toEqual([])
})

test('ids that differ in one word only', () => {
  const { window } = open(1000, 100)
  const ids = new Uint32Array(32 * ID_WORDS)
  const seen = new Set<string>()
  for (let n = 0; n < 32; n++) {
    const words = [n % 2, 0, 0, 0]
    words[1 + (n % 3)] = 1 + (n >> 1)
    ids.set(words, n * ID_WORDS)
    expect(window.writeOf(ids, n) === undefined).toBe(!seen.has(String(words)))
    window.add(ids, n, 7)
    seen.add(String(words))
  }
})

test('what is forgotten is not known, in whichever generation it is, until it comes again', () => {
  const { window, clock, has, add } = open(1000, 1_000_000)
  add(1)
  clock.ms = 1000
  add(2)
  add(3)
  for (const n of [1, 2, 99]) window.forget(id(n), 0)
  expect([1, 2, 3, 99].map(has)).toEqual([false, false, true, false])
  add(1, 5)
  expect(window.writeOf(id(1), 0)).toBe(5)
})

test('remembers for the window at least, and for two at most', () => {
  const { clock, forgotten, has, add } = open(1000, 1_000_000)
  add(1)
  clock.ms = 999
  add(2)
  clock.ms = 1000
  add(3)
  expect([1, 2, 3].map(has)).toEqual([true, true, true])
  clock.ms = 1999
  add(4)
  expect(has(2)).toBe(true)
  clock.ms = 2000
  add(5)
  expect([1, 2, 3, 4, 5].map(has)).toEqual([false, false, true, true, true])
  expect(forgotten).toEqual([])
})

test('beyond its size the older half goes, and that is told; never what one submission brings', () => {
  const { window, forgotten, has, add } = open(1000, 100)
  for (let n = 0; n < 151; n++) add(n)
  expect(window.size).toBe(51)
  expect(forgotten).toEqual([50, 50])
  expect([0, 99, 100, 150].map(has)).toEqual([false, false, true, true])
  window.expect(1000)
  for (let n = 1000; n < 2000; n++) window.add(id(n), 0, 1)
  expect([150, 1000, 1999].map(has)).toEqual([true, true, true])
})

test('the text of an id is that of its bytes', () => {
  const ids = new Uint32Array(100 * ID_WORDS)
  const target = Buffer.alloc(ID_CHARS + 2, '!')
  for (let n = 0; n < 100; n++) {
    digestInto(ids, n, Buffer.from(`event ${n}`))
    expect(writeIdText(ids, n, target, 1)).toBe(ID_CHARS + 1)
    const text = Buffer.from(ids.slice(n * ID_WORDS, (n + 1) * ID_WORDS).buffer).toString('base64url')
    expect(target.toString()).toBe(`!${text}!`)
    expect(parseId(text)).toEqual(ids.slice(n * ID_WORDS, (n + 1) * ID_WORDS))
  }
  for (const text of ['', 'x', 'A'.repeat(23), `${'A'.repeat(21)}B`, `${'A'.repeat(21)}=`]) {
    expect(parseId(text)).toBe(undefined)
  }
})

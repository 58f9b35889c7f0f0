import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineStore } from './line-store.ts'
import { Search } from './search.ts'

const encoder = new TextEncoder()
const MiB = 1024 * 1024

function storeOf(pieces: readonly string[], bytesMax = MiB): LineStore {
  const store = new LineStore(bytesMax)
  for (const piece of pieces) store.push(encoder.encode(piece))
  return store
}

const linesOf = (store: LineStore): string[] =>
  Array.from({ length: store.lines - store.firstKept }, (_, n) => store.line(store.firstKept + n).text)

test.each<[pieces: string[], lines: string[]]>([
  [[], []],
  [['one'], ['one']],
  [['one\n'], ['one']],
  [['one\ntwo'], ['one', 'two']],
  [['one\n\nthree\n'], ['one', '', 'three']],
  [
    ['o', 'ne\nt', 'wo\n', '\n'],
    ['one', 'two', ''],
  ],
  [['gr\u00f6', '\u00dfe'], ['gr\u00f6\u00dfe']],
])('%j', (pieces, lines) => expect(linesOf(storeOf(pieces))).toEqual(lines))

test('whatever the pieces, the lines are those of the whole', () =>
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[ab\n]{1,6}$/)), (pieces) => {
      const whole = pieces.join('')
      const lines = whole.endsWith('\n') ? whole.slice(0, -1) : whole
      expect(linesOf(storeOf(pieces))).toEqual(whole === '' ? [] : lines.split('\n'))
    }),
  ))

test('characters may be cut anywhere', () => {
  const bytes = encoder.encode('Gr\u00f6\u00dfe \u{1f680}\nx')
  const store = new LineStore(MiB)
  for (const byte of bytes) store.push(Uint8Array.of(byte))
  expect(linesOf(store)).toEqual(['Gr\u00f6\u00dfe \u{1f680}', 'x'])
})

test('colours go on over lines and pieces', () => {
  const store = storeOf(['plain\n\u001b[3', '1mred\nstill', ' red\n', 'and\u001b[0m not\nplain\n'])
  expect([0, 1, 2, 3, 4].map((line) => store.styleOf(line))).toEqual([{}, {}, { foreground: 1 }, { foreground: 1 }, {}])
})

test('a long line is cut, and says by how much', () => {
  const { text, cutBytes } = storeOf(['x'.repeat(20_000)]).line(0)
  expect([text.length, cutBytes]).toEqual([16_384, 3616])
})

test('beyond its limit the oldest are let go of, and lines keep their numbers', () => {
  const store = new LineStore(1000)
  for (let n = 0; n < 100; n++) store.push(encoder.encode(`line ${n} ${'x'.repeat(40)}\n`))
  expect(store.lines).toBe(100)
  expect(store.firstKept).toBeGreaterThan(70)
  expect(store.line(99).text).toMatch(/^line 99 /)
  expect(store.line(store.firstKept).text).toContain(`line ${store.firstKept} `)
})

test('a search finds lines as they come, not the one that may still grow', () => {
  const store = storeOf(['one apple\nno\n\u001b[1mAP\u001b[0mPLE\nan app'])
  const search = new Search(store, 'Apple')
  while (search.step(false));
  expect(search.found).toEqual([0, 2])
  store.push(encoder.encode('le\n'))
  while (search.step(true));
  expect(search.found).toEqual([0, 2, 3])
  expect([0, 1, 3, 4].map((line) => search.placeAfter(line))).toEqual([0, 1, 2, 0])
})

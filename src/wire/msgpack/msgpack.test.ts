import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MsgpackCursor } from './cursor.ts'
import { FAULTY, UNFINISHED, ValueScanner } from './scanner.ts'
import { jsonOf, readValue, type MsgpackValue } from './value.ts'
import { MsgpackWriter } from './writer.ts'

const LIMITS = { depthMax: 10, bytesMax: 1024 * 1024 }

const anyValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.maxSafeInteger(),
      // The other encoder makes 0 of −0.
      fc.double({ noNaN: true }).map((number) => number + 0),
      fc.float({ noNaN: true }).map((number) => number + 0),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.date({ noInvalidDate: true }),
    ),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 40 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 20 },
    ),
  ),
})).value

/** As @msgpack/msgpack has it. */
function plain(value: MsgpackValue): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (!(value instanceof Map)) return value
  const members = [...value].map(([key, member]) => [key as string, plain(member)] as const)
  return members.reduce<Record<string, unknown>>(
    (object, [key, member]) =>
      Object.defineProperty(object, key, { value: member, enumerable: true, configurable: true, writable: true }),
    {},
  )
}

describe('what another encoder writes', () => {
  test('is read as it was, and ends where it ends', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = Buffer.from(encode(value))
        expect(new ValueScanner(LIMITS).end(bytes, 0, bytes.length)).toBe(bytes.length)
        const cursor = new MsgpackCursor().move(bytes, 0)
        expect(plain(readValue(cursor))).toEqual(value)
        expect(cursor.at).toBe(bytes.length)
        cursor.move(bytes, 0).skip()
        expect(cursor.at).toBe(bytes.length)
      }),
    )
  })

  test('is found in pieces of any size, at any place', () => {
    fc.assert(
      fc.property(
        fc.array(anyValue, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 40 }),
        (values, step) => {
          const parts = values.map((value) => Buffer.from(encode(value)))
          const stream = Buffer.concat([Buffer.alloc(7, 0xc1), ...parts])
          const scanner = new ValueScanner(LIMITS)
          const ends: number[] = []
          let from = 7
          for (
            let to = 8;
            to <= stream.length;
            to = to === stream.length ? to + 1 : Math.min(stream.length, to + step)
          ) {
            for (;;) {
              const end = from < to ? scanner.end(stream, from, to) : UNFINISHED
              if (end === UNFINISHED) break
              ends.push(end - 7)
              from = end
            }
          }
          let sum = 0
          expect(ends).toEqual(parts.map(({ length }) => (sum += length)))
        },
      ),
    )
  })
})

test.each<[string, string, 'reserved' | 'too_deep' | 'too_large' | undefined]>([
  ['the byte that is never used', 'c1', 'reserved'],
  ['the same deep inside', '9192c0c1', 'reserved'],
  ['a string of 4 GiB', 'dbffffffff', 'too_large'],
  ['bytes of 4 GiB', 'c6ffffffff', 'too_large'],
  ['an extension of 4 GiB', 'c9ffffffff', 'too_large'],
  ['a list of 4 billion', 'ddffffffff', 'too_large'],
  ['a map of 4 billion', 'dfffffffff', 'too_large'],
  ['a string just too large', 'db00100001', 'too_large'],
  ['lists in lists', '91'.repeat(11), 'too_deep'],
  ['maps in maps', '81a161'.repeat(11), 'too_deep'],
  ['as deep as may be', `${'91'.repeat(10)}c0`, undefined],
  ['nothing', '', undefined],
  ['a head that is cut off', 'db00', undefined],
  ['a string that is cut off', 'a5ab', undefined],
])('a scanner meets %s', (_what, hex, fault) => {
  const bytes = Buffer.from(hex, 'hex')
  const scanner = new ValueScanner(LIMITS)
  const end = scanner.end(bytes, 0, bytes.length)
  if (fault) expect([end, scanner.fault]).toEqual([FAULTY, fault])
  else expect(end).toBe(hex.endsWith('c0') ? bytes.length : UNFINISHED)
})

test('after a fault the scanner begins anew', () => {
  const scanner = new ValueScanner(LIMITS)
  expect(scanner.end(Buffer.from('9191c1', 'hex'), 0, 3)).toBe(FAULTY)
  expect(scanner.end(Buffer.from('91c0', 'hex'), 0, 2)).toBe(2)
})

test('a writer keeps what it has written when it goes on in another buffer', () => {
  const writer = new MsgpackWriter(32)
  writer.begin()
  writer.text('first')
  const first = writer.bytes.subarray(writer.start, writer.at)
  writer.begin()
  writer.array(1)
  writer.text('é'.repeat(40))
  expect(first.toString('latin1')).toBe('\xa5first')
  const second = writer.bytes.subarray(writer.start, writer.at)
  expect(readValue(new MsgpackCursor().move(second, 0))).toEqual(['é'.repeat(40)])
  writer.begin()
  writer.nil()
  writer.undo()
  writer.boolean(true)
  expect(writer.bytes.subarray(writer.start, writer.at)).toEqual(Buffer.of(0xc3))
})

test.each<[MsgpackValue, string]>([
  [null, 'null'],
  [2n ** 64n - 1n, '18446744073709551615'],
  [Infinity, 'null'],
  ['a"\n', String.raw`"a\"\n"`],
  [Uint8Array.of(255), '"/w=="'],
  [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  [new Date(Number.NaN), 'null'],
  [{ type: 5, data: Uint8Array.of(0) }, '"AA=="'],
  [
    new Map<MsgpackValue, MsgpackValue>([
      ['a', [true]],
      [7, null],
    ]),
    '{"a":[true],"7":null}',
  ],
])('as JSON %o', (value, json) => expect(jsonOf(value)).toBe(json))

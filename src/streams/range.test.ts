import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OPEN_LAST, parseRange, planRange } from './range.ts'

test.each<[string | undefined, ReturnType<typeof parseRange>]>([
  [undefined, undefined],
  ['', undefined],
  ['bytes=0-0', { first: 0, last: 0 }],
  ['bytes=5-', { first: 5, last: undefined }],
  ['BYTES=5-9', { first: 5, last: 9 }],
  ['bytes = 5 - 9 ', { first: 5, last: 9 }],
  ['bytes=-7', { suffix: 7 }],
  ['bytes=-0', { suffix: 0 }],
  ['bytes=00012-00013', { first: 12, last: 13 }],
  ['bytes=0-99999999999999999999999', { first: 0, last: OPEN_LAST }],
  // Ignored, as RFC 9110 §14.2 has it.
  ['bytes=9-5', undefined],
  ['bytes=-', undefined],
  ['bytes=', undefined],
  ['bytes', undefined],
  ['bytes=a-b', undefined],
  ['bytes=1-2,5-9', undefined],
  ['bytes=+1-2', undefined],
  ['bytes=1.5-2', undefined],
  ['bytes=0x1-2', undefined],
  ['bytes=--1', undefined],
  ['lines=1-2', undefined],
  ['octets=1-2', undefined],
])('%s', (header, expected) => expect(parseRange(header)).toEqual(expected))

describe('a range of', () => {
  test.each<[string, number, boolean, string]>([
    ['bytes=2-5', 10, true, 'bytes 2-5/* 2..6'],
    ['bytes=2-5', 10, false, 'bytes 2-5/10 2..6'],
    ['bytes=0-99', 10, true, 'bytes 0-9/* 0..10'],
    ['bytes=0-99', 10, false, 'bytes 0-9/10 0..10'],
    ['bytes=4-', 10, true, `bytes 4-${OPEN_LAST}/* 4..Infinity`],
    ['bytes=4-', 10, false, 'bytes 4-9/10 4..10'],
    ['bytes=10-', 10, true, `bytes 10-${OPEN_LAST}/* 10..Infinity`],
    ['bytes=0-', 0, true, `bytes 0-${OPEN_LAST}/* 0..Infinity`],
    [`bytes=3-${OPEN_LAST}`, 10, true, `bytes 3-${OPEN_LAST}/* 3..Infinity`],
    [`bytes=3-${OPEN_LAST}`, 10, false, 'bytes 3-9/10 3..10'],
    ['bytes=10-', 10, false, 'bytes */10'],
    ['bytes=11-', 10, true, 'bytes */10'],
    ['bytes=10-12', 10, true, 'bytes */10'],
    ['bytes=10-12', 10, false, 'bytes */10'],
    ['bytes=0-', 0, false, 'bytes */0'],
    ['bytes=-3', 10, false, 'bytes 7-9/10 7..10'],
    ['bytes=-3', 10, true, 'bytes 7-9/* 7..10'],
    ['bytes=-30', 10, false, 'bytes 0-9/10 0..10'],
    ['bytes=-0', 10, false, 'bytes */10'],
    ['bytes=-3', 0, false, 'bytes */0'],
    ['bytes=7-2', 10, false, 'whole'],
  ])('%s of %i bytes, growing: %s', (header, size, isGrowing, expected) => {
    const plan = planRange(parseRange(header), size, isGrowing)
    const shown =
      plan.kind === 'whole'
        ? 'whole'
        : plan.kind === 'part'
          ? `${plan.contentRange} ${plan.first}..${plan.end}`
          : plan.contentRange
    expect(shown).toBe(expected)
  })
})

test('on a finished stream it is what slicing gives', () =>
  fc.assert(
    fc.property(fc.nat(40), fc.nat(50), fc.option(fc.nat(50)), (size, first, last) => {
      const plan = planRange(parseRange(`bytes=${first}-${last ?? ''}`), size, false)
      const bytes = Array.from({ length: size }, (_, n) => n)
      const wanted = bytes.slice(first, last === null ? undefined : last + 1)
      if (last !== null && last < first) expect(plan.kind).toBe('whole')
      else if (wanted.length === 0)
        expect(plan).toMatchObject({ kind: 'unsatisfiable', contentRange: `bytes */${size}` })
      else {
        expect(plan).toMatchObject({
          kind: 'part',
          first: wanted[0],
          end: first + wanted.length,
          contentRange: `bytes ${first}-${first + wanted.length - 1}/${size}`,
        })
      }
    }),
  ))

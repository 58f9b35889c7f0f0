import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatCursor, parseCursor } from './cursor.ts'

const CURSOR = {
  timestampNs: 1_767_225_600_123_456_789n,
  receivedNs: 1_767_225_600_999_999_999n,
  node: 'node-1.example_x',
  snapshotNs: 1_767_225_601_000_000_000n,
  nowNs: 1_767_225_602_000_000_000n,
  given: 100,
}
const QUESTION = ['level:error', '-1h', '', 'desc']

test('survives the way through a URL', () => {
  const text = formatCursor(CURSOR, QUESTION)
  expect(encodeURIComponent(text)).toBe(text)
  expect(parseCursor(text, QUESTION)).toEqual(CURSOR)
})

test('belongs to one question', () => {
  const text = formatCursor(CURSOR, QUESTION)
  expect(() => parseCursor(text, ['level:error', '-1h', '', 'asc'])).toThrow(
    expect.objectContaining({ code: 'CURSOR_INVALID', detail: expect.stringContaining('another query') }),
  )
})

test.each([
  '',
  'nonsense',
  '!',
  'MQ',
  Buffer.from('1.1.1').toString('base64url'),
  Buffer.from(`1.${'9'.repeat(19)}.1.1.1.1.0123456789abcdef.n`).toString('base64url'),
  'A'.repeat(100_000),
])('refuses %.20s', (text) => {
  expect(() => parseCursor(text, QUESTION)).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }))
})

test('any text is either a cursor or CURSOR_INVALID', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      expect(() => parseCursor(text, QUESTION)).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }))
    }),
  )
})

import { expect, test } from 'vitest'
import { textAsJson } from './text-lines.ts'

const events = (text: string | Buffer) =>
  textAsJson(Buffer.from(text), Date.parse('2026-01-05T00:00:00Z'))
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .map((line): unknown => (line.trim() === '' ? line : JSON.parse(line)))

test('text becomes messages, with time and level where the line has them', () => {
  expect(events('hello "you"\\\n2026-01-02 03:04:05.678 ERROR down\n\n \t\ttabs\u0007\r\n')).toEqual([
    { message: 'hello "you"\\' },
    { message: '2026-01-02 03:04:05.678 ERROR down', timestamp: '2026-01-02T03:04:05.678Z', level: 'error' },
    '',
    { message: ' \t\ttabs\u0007' },
  ])
})

test('bytes that are not ASCII stay as they are', () => {
  expect(events('grüße 🦊\n')).toEqual([{ message: 'grüße 🦊' }])
  const invalid = Buffer.from([0x61, 0xff, 0xc3, 0x0a])
  expect(textAsJson(invalid)).toEqual(
    Buffer.concat([Buffer.from('{"message":"a'), invalid.subarray(1, 3), Buffer.from('"}\n')]),
  )
})

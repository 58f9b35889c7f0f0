import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ServerEventReader, type ServerEvent } from './server-events.ts'

function read(text: string, cuts: readonly number[] = []): ServerEvent[] {
  const bytes = Buffer.from(text)
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const reader = new ServerEventReader()
  return [...places, bytes.length].flatMap((end, index) => reader.read(bytes.subarray(places[index - 1] ?? 0, end)))
}

test.each<[name: string, text: string, expected: Partial<ServerEvent>[]]>([
  ['one', 'event: log\nid: 7\ndata: {}\n\n', [{ event: 'log', lastEventId: '7', data: '{}' }]],
  ['without a name', 'data: x\n\n', [{ event: 'message', data: 'x' }]],
  ['several lines of data', 'data: a\ndata: b\n\n', [{ data: 'a\nb' }]],
  ['an id stays', 'id: 1\ndata: a\n\ndata: b\n\n', [{ lastEventId: '1' }, { lastEventId: '1' }]],
  ['comments and empty events are nothing', ': hello\n\nevent: x\n\n', []],
  ['CRLF and CR', 'data: a\r\n\r\ndata: b\r\rdata: c\n\n', [{ data: 'a' }, { data: 'b' }, { data: 'c' }]],
  ['only one space is taken off', 'data:  a\n\n', [{ data: ' a' }]],
  ['a field without colon', 'data\n\n', [{ data: '' }]],
  ['an id with NUL is none', 'id: a\0b\ndata: x\n\n', [{ lastEventId: '' }]],
  ['what the end cuts off is left out', 'data: a\n\ndata: b\n', [{ data: 'a' }]],
  ['a byte order mark', '\ufeffdata: a\n\n', [{ data: 'a' }]],
])('%s', (_name, text, expected) => {
  expect(read(text)).toMatchObject(expected)
  expect(read(text)).toHaveLength(expected.length)
})

test('it does not matter where the stream is cut', () => {
  const text =
    ': c\r\nevent: log\r\nid: ä7\r\ndata: grüße 🦊\r\n\r\nretry: 5\ndata: x\ndata: y\n\nid: 9\rdata: z\r\rdata: q\n\n'
  const whole = read(text)
  expect(whole).toHaveLength(4)
  fc.assert(
    fc.property(fc.array(fc.nat()), (cuts) => {
      expect(read(text, cuts)).toEqual(whole)
    }),
  )
})

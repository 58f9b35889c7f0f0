import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventBatch, EventView, NO_TIMESTAMP } from '../../core/batch.ts'
import type { LogEvent } from '../../core/event.ts'
import { ATTRIBUTE, encodeEvent, levelNumber, logdLevel, messageOfEvent, SEVERITY_OF_LEVEL } from './event.ts'
import { COMMANDS, LEVELS, METHODS } from './fields.ts'
import { decodeCommand, encodeCommand, encodeMessage, type LogdMessage } from './message.ts'
import { LogdRowWriter } from './row-writer.ts'

const HOST = Buffer.from('testhost')
const SOURCE = Buffer.from('logd')
const rows = new LogdRowWriter()

/** The event that comes of a payload, which stands somewhere within a packet. */
function eventOf(payload: Uint8Array): LogEvent | undefined {
  const packet = Buffer.concat([Buffer.alloc(40, 0xff), payload])
  if (!rows.read(packet, 40) || !rows.hasMessage) return undefined
  const batch = new EventBatch(1)
  rows.write(batch, HOST, SOURCE)
  rows.write(batch, HOST, SOURCE)
  const view = new EventView()
  const first = view.at(batch.bytes, 0).toEvent()
  expect(view.at(batch.bytes, batch.offsets[1] ?? 0).toEvent()).toEqual(first)
  expect(view.end).toBe(batch.length)
  expect(isUtf8(view.textBytes('message'))).toBe(true)
  return first
}

const write = (message: LogdMessage): Buffer => encodeCommand({ name: 'write', message })
const plain: LogdMessage = { level: 'info', key: '/a/b', text: 'hello' }

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary-ascii', minLength: 180, maxLength: 400 }),
)
const message: fc.Arbitrary<LogdMessage> = fc.record(
  {
    timeNs: fc.bigInt({ min: 0n, max: 9_000_000_000_000_000_000n }),
    level: fc.constantFrom(...LEVELS),
    text,
    key: text,
    stackTrace: text,
    httpMethod: fc.constantFrom(...METHODS.slice(1)),
    url: text,
    responseStatus: fc.integer({ min: -999, max: 999 }),
  },
  { requiredKeys: ['level', 'text', 'key'], noNullPrototype: true },
)

describe('a message becomes an event', () => {
  test('with everything in its place', () => {
    const event = eventOf(
      write({
        timeNs: 1_700_000_000_123_456_789n,
        level: 'error',
        key: '/prod/app',
        text: 'it broke',
        stackTrace: 'at a\nat b',
        httpMethod: 'POST',
        url: '/x?y=1',
        responseStatus: 502,
      }),
    )
    expect(event).toEqual({
      timestampNs: 1_700_000_000_123_456_789n,
      receivedNs: 0n,
      severity: 17,
      service: '/prod/app',
      host: 'testhost',
      source: 'logd',
      message: 'it broke',
      trace_id: '',
      span_id: '',
      attributes: new Map([
        ['exception.stacktrace', 'at a\nat b'],
        ['http.request.method', 'POST'],
        ['url.full', '/x?y=1'],
        ['http.response.status_code', '502'],
      ]),
    })
  })

  test('and becomes the same message again', () => {
    fc.assert(
      fc.property(message, (all) => {
        const payload = write(all)
        const batch = new EventBatch()
        expect(rows.read(payload, 0)).toBe(true)
        rows.write(batch, HOST, SOURCE)
        const again = messageOfEvent(new EventView().at(batch.bytes, 0))
        expect(again).toEqual({ ...all, timeNs: all.timeNs ?? NO_TIMESTAMP })
        expect(encodeEvent(new EventView().at(batch.bytes, 0))).toEqual(encodeMessage(again))
      }),
      { numRuns: 1000 },
    )
  })

  test.each<[string, string, Partial<LogEvent>]>([
    ['no time', '12033a0161', { timestampNs: NO_TIMESTAMP, message: 'a' }],
    ['1970', '12020a00', { timestampNs: 0n }],
    ['nanoseconds below zero', '120f0a0d086410ffffffffffffffffff01', { timestampNs: 99_999_999_999n }],
    ['nanoseconds of more than a second', '120a0a0808641080a8d6b907', { timestampNs: 102_000_000_000n }],
    ['a time beyond what can be stored', '120c0a0a08ffffffffffffffff7f', { timestampNs: NO_TIMESTAMP }],
    ['a level that does not exist', '12023007', { severity: 0 }],
    ['a method that does not exist', '12024808', { attributes: new Map() }],
    ['a message in two pieces', '12033a0161120362016212023005', { message: 'a', service: 'b', severity: 17 }],
    ['the last value counts', '12063a01613a0162', { message: 'b' }],
    ['bytes that are no UTF-8', '12043a0261ff', { message: 'a�' }],
  ])('%s', (_what, hex, expected) => {
    const payload = Buffer.from(hex, 'hex')
    expect(eventOf(payload)).toMatchObject(expected)
  })

  test('a long text that is no UTF-8', () => {
    const payload = write({ ...plain, text: 'ä'.repeat(300) })
    payload[payload.indexOf('ä') + 1] = 0x41
    expect(eventOf(payload)?.message).toBe(`�A${'ä'.repeat(299)}`)
  })

  test.each<[string, string, boolean]>([
    ['empty', '', false],
    ['the server’s own', '//logd', false],
    ['what only begins so', '//logd/x', true],
    ['one segment', '/a', true],
    ['many segments', '/a/b/c/d/e', true],
    ['without slash', 'a', true],
    ['1024 bytes', 'k'.repeat(1024), true],
    ['1025 bytes', 'k'.repeat(1025), false],
  ])('a key: %s', (_what, key, isFit) => {
    expect(rows.read(write({ ...plain, key }), 0)).toBe(true)
    expect(rows.isKeyFit).toBe(isFit)
  })
})

test('it understands what the plain decoder does, and nothing else', () => {
  const changed = fc.tuple(message, fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }))
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 60 })), (given) => {
      let bytes: Buffer
      if (Array.isArray(given)) {
        bytes = write(given[0])
        for (const [at, value] of given[1]) if (at < bytes.length) bytes[at] = value
      } else bytes = Buffer.from(given)
      const decoded = decodeCommand(bytes)
      // The query, which the hot path does not look at, may be what the plain decoder minds.
      if (decoded) expect(rows.read(bytes, 0)).toBe(true)
      const isRead = rows.read(bytes, 0)
      if (!isRead || !decoded) return
      expect(COMMANDS[rows.command]).toBe(decoded.name)
      expect(rows.hasMessage).toBe(decoded.message !== undefined)
      if (decoded.message) expect(eventOf(bytes)?.message).toBe(decoded.message.text)
    }),
    { numRuns: 3000 },
  )
})

test('levels there and back, and severities of other sources', () => {
  expect(LEVELS.map((_, level) => levelNumber(SEVERITY_OF_LEVEL[level] ?? -1))).toEqual([0, 1, 2, 3, 4, 5, 6])
  const shown = Array.from({ length: 26 }, (_, severity) => logdLevel(severity))
  expect(shown).toEqual([
    'unknown',
    ...['trace', 'debug', 'info', 'warn', 'error', 'fatal'].flatMap((level) => [level, level, level, level]),
    'unknown',
  ])
})

test('attributes of other sources that logd has no words for', () => {
  const batch = new EventBatch()
  const attributes = new Map([
    [ATTRIBUTE.httpMethod, 'CONNECT'],
    [ATTRIBUTE.responseStatus, 'many'],
    ['other', 'x'],
  ])
  batch.append({ message: 'm', service: 's', timestampNs: 5n, attributes })
  const shown = messageOfEvent(new EventView().at(batch.bytes, 0))
  expect(shown).toEqual({ timeNs: 5n, level: 'unknown', text: 'm', key: 's' })
})

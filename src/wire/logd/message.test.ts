import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LEVELS, METHODS } from './fields.ts'
import {
  decodeCommand,
  decodeMessage,
  encodeCommand,
  encodeMessage,
  type LogdCommand,
  type LogdMessage,
} from './message.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** What the original makes of this command. */
const GOLDEN = '122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78'
const GOLDEN_MESSAGE: LogdMessage = {
  timeNs: 1_700_000_000_123_456_789n,
  level: 'info',
  text: 'some log message',
  key: '/your/app/x',
}

const time = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const text = fc.string({ unit: 'grapheme', maxLength: 300 })
const optional = { requiredKeys: [], noNullPrototype: true }
const message = fc.record(
  {
    timeNs: time,
    level: fc.constantFrom(...LEVELS),
    text,
    key: text,
    stackTrace: text,
    httpMethod: fc.constantFrom(...METHODS),
    url: text,
    responseStatus: int32,
  },
  { requiredKeys: ['level', 'text', 'key'], noNullPrototype: true },
)
const query = fc.record(
  {
    offset: uint32,
    limit: uint32,
    startNs: time,
    endNs: time,
    level: fc.constantFrom(...LEVELS),
    text,
    httpMethod: fc.constantFrom(...METHODS),
    url: text,
    responseStatus: int32,
    keyPrefix: text,
  },
  optional,
)
const command = fc.record(
  { name: fc.constantFrom('write', 'tail', 'ping', 'query' as const), message, query },
  { requiredKeys: ['name'] },
) as fc.Arbitrary<LogdCommand>

describe('logd messages', () => {
  test('golden vector', () => {
    expect(encodeCommand({ name: 'write', message: GOLDEN_MESSAGE }).toString('hex')).toBe(GOLDEN)
    expect(decodeCommand(hex(GOLDEN))).toEqual({ name: 'write', message: GOLDEN_MESSAGE })
  })

  test('what is written is read again', () => {
    fc.assert(
      fc.property(command, (all) => {
        expect(decodeCommand(encodeCommand(all))).toEqual(all)
      }),
    )
    fc.assert(
      fc.property(message, (all) => {
        expect(decodeMessage(encodeMessage(all))).toEqual(all)
      }),
    )
  })

  test.each<[string, string, LogdCommand | undefined]>([
    ['nothing at all is a write without message', '', { name: 'write' }],
    ['ping', '0802', { name: 'ping' }],
    ['a command that does not exist', '0804', undefined],
    ['a command of minus one', '08ffffffffffffffffff01', undefined],
    ['unknown fields are passed over', '0801 a20601ff a50600000000 a10600000000000000ff a806 05', { name: 'tail' }],
    ['an unknown group, and one within it', '0801 a306 0805 ab06 ac06 a406', { name: 'tail' }],
    ['a group that is not closed', '0801 a306 0805', undefined],
    ['a group closed by another', '0801 a306 ac06', undefined],
    ['a group closed without one', '0801 a406', undefined],
    ['a known field of another type', '0a0101', { name: 'write' }],
    ['the last value counts', '0801 0803', { name: 'query' }],
    [
      'a message in two pieces',
      '1203 3a0161 1203 620162',
      { name: 'write', message: { level: 'unknown', text: 'a', key: 'b' } },
    ],
    ['a level that does not exist', '1202 3009', { name: 'write', message: { level: 'unknown', text: '', key: '' } }],
    [
      'an empty time is 1970',
      '1202 0a00',
      { name: 'write', message: { timeNs: 0n, level: 'unknown', text: '', key: '' } },
    ],
    ['bytes that are no UTF-8', '1203 3a01ff', { name: 'write', message: { level: 'unknown', text: '�', key: '' } }],
    ['field number zero', '0001', undefined],
    ['a varint of eleven bytes', '08ffffffffffffffffffff01', undefined],
    ['a varint that is cut off', '08ff', undefined],
    ['a length beyond the end', '1205 3a01', undefined],
    ['a length beyond the end of its message', '1203 3a0561 0801', undefined],
    ['a length of 2^32', '128080808010', undefined],
    ['a length of 2^31', '128080808008', undefined],
    ['a wire type that does not exist', '0f', undefined],
    ['a time that is cut off', '1204 0a0208ff', undefined],
  ])('%s', (_what, bytes, expected) => expect(decodeCommand(hex(bytes))).toEqual(expected))

  test('whatever the bytes are, nothing is thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeCommand(bytes)
        decodeMessage(bytes)
      }),
      { numRuns: 2000 },
    )
    const good = fc.tuple(command, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }))
    fc.assert(
      fc.property(good, ([all, changes]) => {
        const bytes = encodeCommand(all)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        decodeCommand(bytes)
      }),
      { numRuns: 2000 },
    )
  })
})

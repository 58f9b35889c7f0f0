import { describe, expect, test } from 'vitest'
import { NO_TIMESTAMP } from '../../core/batch.ts'
import { eventDefaults } from './row-writer.ts'
import { transcode, type TranscodeOptions } from './testing/transcode.ts'

/** One line → its event, the fields that a case does not name left out. */
function event(line: string, options: TranscodeOptions = {}) {
  const { events, rejects } = transcode(line, 'lines', options)
  expect(rejects).toEqual([])
  expect(events).toHaveLength(1)
  const { attributes, ...fields } = events[0] ?? expect.unreachable()
  return { ...fields, attributes: Object.fromEntries(attributes) }
}

describe('which field is what', () => {
  const cases: [string, object][] = [
    ['{"message":"m","service":"s","host":"h","source":"f"}', { message: 'm', service: 's', host: 'h', source: 'f' }],
    ['{"msg":"m","app":"s","hostname":"h","file":"f"}', { message: 'm', service: 's', host: 'h', source: 'f' }],
    ['{"_msg":"m","facility":"s"}', { message: 'm', service: 's' }],
    ['{"body":"m","key":"s"}', { message: 'm', service: 's' }],
    ['{"event":"m","service.name":"s"}', { message: 'm', service: 's' }],
    ['{"log":"m","service":{"name":"s"}}', { message: 'm', service: 's' }],
    ['{"trace_id":"t","span_id":"p"}', { trace_id: 't', span_id: 'p' }],
    ['{"traceId":"t","spanId":"p"}', { trace_id: 't', span_id: 'p' }],
    ['{"message":12.50}', { message: '12.50' }],
    ['{"message":["a", 1]}', { message: '["a", 1]' }],
    ['{"message":{"a":1}}', { message: '', attributes: { 'message.a': '1' } }],
    ['{}', { message: '', attributes: {} }],
    ['{"a":1}', { message: '', attributes: { a: '1' } }],
  ]
  test.each(cases)('%s', (line, expected) => expect(event(line)).toMatchObject(expected))

  test('of several names the first in the documented order wins, wherever it stands; the others are attributes', () => {
    expect(event('{"log":"3","msg":"2","message":"1","event":"4"}')).toMatchObject({
      message: '1',
      attributes: { log: '3', msg: '2', event: '4' },
    })
    expect(event('{"service.name":"b","app":"a"}')).toMatchObject({ service: 'a', attributes: { 'service.name': 'b' } })
  })

  test('null is no value: the next name counts', () => {
    expect(event('{"message":null,"msg":"m","a":null}')).toMatchObject({ message: 'm', attributes: {} })
  })

  test('what is missing or empty is filled', () => {
    const defaults = eventDefaults({ service: 'svc', host: 'hst', source: 'src' }, 13)
    expect(event('{"service":"","host":null}', { defaults })).toMatchObject({
      service: 'svc',
      host: 'hst',
      source: 'src',
      severity: 13,
    })
  })
})

describe('levels', () => {
  const cases: [string, number, object][] = [
    ['"level":"info"', 9, {}],
    ['"level":"WARNING"', 13, {}],
    ['"severity":"Error"', 17, {}],
    ['"lvl":"dbg"', 5, {}],
    ['"level":30', 9, {}],
    ['"level":"30"', 9, {}],
    ['"level":50', 17, {}],
    ['"severity_code":3', 17, {}],
    ['"severity_code":"3"', 17, {}],
    ['"severity_number":10', 10, {}],
    ['"severity_number":20', 20, {}],
    ['"severityNumber":9', 9, {}],
    ['"severity_text":"WARN3"', 15, {}],
    ['"severity_number":17,"severity_text":"oops"', 17, { severity_text: 'oops' }],
    ['"level":"loud"', 0, { level: 'loud' }],
    ['"level":"loud","severity":"warn"', 13, { level: 'loud' }],
    ['"level":35', 0, { level: '35' }],
    ['"level":true', 0, { level: 'true' }],
    ['"level":""', 0, { level: '' }],
    ['"level":"info","severity":3', 9, { severity: '3' }],
  ]
  test.each(cases)('{%s}', (members, severity, attributes) => {
    expect(event(`{${members}}`)).toMatchObject({ severity })
    expect(event(`{${members}}`).attributes).toEqual(attributes)
  })
})

const ms = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n

describe('times', () => {
  const cases: [string, bigint, object][] = [
    ['"timestamp":"2026-11-21T10:00:00Z"', ms('2026-11-21T10:00:00Z'), {}],
    ['"@timestamp":"2026-11-21T10:00:00.123456789Z"', ms('2026-11-21T10:00:00Z') + 123_456_789n, {}],
    ['"time":"2026-11-21T10:00:00.5+02:00"', ms('2026-11-21T08:00:00.500Z'), {}],
    ['"ts":"2026-11-21 10:00:00,250"', ms('2026-11-21T10:00:00.250Z'), {}],
    ['"_time":1700000000', 1_700_000_000_000_000_000n, {}],
    ['"time":1700000000123', 1_700_000_000_123_000_000n, {}],
    ['"time":1700000000123456', 1_700_000_000_123_456_000n, {}],
    ['"time":1700000000123456789', 1_700_000_000_123_456_789n, {}],
    ['"time":"1700000000123456789"', 1_700_000_000_123_456_789n, {}],
    ['"time":1700000000.25', 1_700_000_000_250_000_000n, {}],
    ['"time":"1969-12-31T23:59:59.5Z"', -500_000_000n, {}],
    ['"time":0', 0n, {}],
    ['"timestamp":"yesterday"', NO_TIMESTAMP, { timestamp: 'yesterday' }],
    ['"timestamp":"yesterday","ts":1', 1_000_000_000n, { timestamp: 'yesterday' }],
    ['"timestamp":"2026-02-30T10:00:00Z"', NO_TIMESTAMP, { timestamp: '2026-02-30T10:00:00Z' }],
    ['"timestamp":1e400', NO_TIMESTAMP, { timestamp: '1e400' }],
    ['"timestamp":{"s":1}', NO_TIMESTAMP, { 'timestamp.s': '1' }],
    ['"a":1', NO_TIMESTAMP, { a: '1' }],
  ]
  test.each(cases)('{%s}', (members, timestampNs, attributes) => {
    expect(event(`{${members}}`)).toMatchObject({ timestampNs })
    expect(event(`{${members}}`).attributes).toEqual(attributes)
  })
})

const deep = (levels: number, inner: string): string => `${'{"a":'.repeat(levels)}${inner}${'}'.repeat(levels)}`

describe('attributes', () => {
  const cases: [string, object][] = [
    ['{"a":{"b":{"c":1},"d":"x"},"e":[1, {"f":2}]}', { 'a.b.c': '1', 'a.d': 'x', e: '[1, {"f":2}]' }],
    ['{"t":true,"f":false,"n":null,"z":0,"m":-1.50e+3}', { t: 'true', f: 'false', z: '0', m: '-1.50e+3' }],
    ['{"big":9007199254740993,"huge":1e400}', { big: '9007199254740993', huge: '1e400' }],
    ['{"a":1,"a":2}', { a: '2' }],
    ['{"a":1,"a":null}', {}],
    ['{"a.b":1,"a":{"b":2}}', { 'a.b': '2' }],
    ['{"":1}', { '': '1' }],
    ['{"":{"":1}}', { '.': '1' }],
    ['{"a":{},"b":[]}', { a: '{}', b: '[]' }],
    ['{"k\\u0065y":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"}', { app: undefined }],
    ['{"a":"\\ud800","b":"\\udc00x","c":"\\ud800\\ud800"}', { a: '�', b: '�x', c: '��' }],
    ['{"a":"\\u0000"}', { a: '\0' }],
    ['{"a":"tab\tinside"}', { a: 'tab\tinside' }],
    ['  { "a" : 1 ,\t"b":[ ] }  ', { a: '1', b: '[ ]' }],
    ['{"a": 1, "b": "x"}', { a: '1', b: 'x' }],
    ['{"ключ":"значение"}', { ключ: 'значение' }],
    [deep(17, '1'), { [Array(17).fill('a').join('.')]: '1' }],
    [deep(19, '1'), { [Array(17).fill('a').join('.')]: '{"a":{"a":1}}' }],
  ]
  test.each(cases)('%s', (line, attributes) => {
    const found = event(line)
    if ('app' in attributes) expect(found.service).toBe('"\\/\b\f\n\r\té😀')
    else expect(found.attributes).toEqual(attributes)
  })

  test('__proto__ and its kin are names like others', () => {
    const { events } = transcode('{"__proto__":{"x":1},"constructor":"c","__proto__":"p","toString":1}')
    expect([...(events[0]?.attributes ?? [])]).toEqual([
      ['__proto__.x', '1'],
      ['constructor', 'c'],
      ['__proto__', 'p'],
      ['toString', '1'],
    ])
  })
})

describe('rejects', () => {
  const cases: [string, string][] = [
    ['oops', 'not valid JSON at byte 1'],
    ['{"a":1', 'not valid JSON at byte 7'],
    ['{"a":1}}', 'not valid JSON at byte 8'],
    ['{"a":01}', 'not valid JSON at byte 6'],
    ['{"a":1.}', 'not valid JSON at byte 6'],
    ['{"a":nul}', 'not valid JSON at byte 6'],
    ['{"a":NaN}', 'not valid JSON at byte 6'],
    ["{'a':1}", 'not valid JSON at byte 2'],
    ['{"a":1,}', 'not valid JSON at byte 8'],
    ['{"a" 1}', 'not valid JSON at byte 6'],
    ['{"a":"\\x"}', 'not valid JSON at byte 7'],
    ['{"a":"\\u12g4"}', 'not valid JSON at byte 7'],
    ['{"a":[1,]}', 'not valid JSON at byte 6'],
    ['{"a":[1}}', 'not valid JSON at byte 6'],
    ['{"a":"open}', 'not valid JSON at byte 7'],
    ['[1]', 'a JSON event must be an object'],
    ['"text"', 'a JSON event must be an object'],
    ['12', 'a JSON event must be an object'],
    ['null', 'a JSON event must be an object'],
  ]
  test.each(cases)('%s: %s', (line, reason) => {
    expect(transcode(`{"a":1}\n${line}\n{"a":2}\n`)).toMatchObject({ events: [{}, {}], rejects: [{ line: 2, reason }] })
  })

  test('limits', () => {
    const limits = { lineBytesMax: 200, keysMax: 3, keyBytesMax: 10 }
    const lines = [
      '{"a":1,"b":2,"c":3}',
      '{"a":1,"b":2,"c":3,"d":4}',
      '{"a":1,"b":{"c":2,"d":3,"e":4}}',
      '{"long_name_":1}',
      '{"long_name_x":1}',
      '{"long":{"name_x":1}}',
      `{"a":"${'x'.repeat(200)}"}`,
      `{"a":"${'x'.repeat(192)}"}`,
    ]
    const { events, rejects } = transcode(lines.join('\n'), 'lines', { limits })
    expect(events).toHaveLength(3)
    expect(rejects).toEqual([
      { line: 2, reason: 'more fields than the limit for one event' },
      { line: 3, reason: 'more fields than the limit for one event' },
      { line: 5, reason: 'a field name is longer than the limit' },
      { line: 6, reason: 'a field name is longer than the limit' },
      { line: 7, reason: 'longer than the limit for one event (200 bytes)' },
    ])
  })
})

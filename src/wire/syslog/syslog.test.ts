import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { EventBatch, NO_TIMESTAMP } from '../../core/batch.ts'
import { formatTimestamp } from '../../core/time.ts'
import { eventDefaults } from '../transcode/row-writer.ts'
import { eventsOf, TEST_NOW_SECONDS } from '../transcode/testing/transcode.ts'
import { SyslogFraming } from './framing.ts'
import { SyslogRows } from './syslog-rows.ts'

const DEFAULTS = eventDefaults({ host: 'sender' })

function read(message: string | Uint8Array, timeZone = 'UTC'): Record<string, unknown> | undefined {
  const batch = new EventBatch()
  const bytes = Buffer.from(message as Uint8Array)
  const options = { nowSeconds: TEST_NOW_SECONDS, cutBytes: 0 }
  new SyslogRows(timeZone, 1000).write(bytes, 0, bytes.length, batch, DEFAULTS, options)
  return eventsOf(batch).map((event) => {
    const { timestampNs, severity, service, host, message: text, attributes } = event
    const time = timestampNs === NO_TIMESTAMP ? '' : formatTimestamp(timestampNs)
    const all = { time, severity, service, host, message: text, ...Object.fromEntries(attributes) }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '' && value !== 0))
  })[0]
}

describe('RFC 5424', () => {
  const cases: [string, Record<string, unknown>][] = [
    [
      "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed",
      {
        time: '2003-10-11T22:14:15.003Z',
        severity: 18,
        service: 'su',
        host: 'mymachine.example.com',
        message: "'su root' failed",
        'syslog.facility': 'auth',
        'syslog.msgid': 'ID47',
      },
    ],
    [
      "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.",
      {
        time: '2003-08-24T12:14:15.000003Z',
        severity: 10,
        service: 'myproc',
        host: '192.0.2.1',
        message: "%% It's time.",
        'syslog.facility': 'local4',
        'process.pid': '8710',
      },
    ],
    [
      '<165>1 2003-10-11T22:14:15.003Z h evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="App \\"x\\" \\]\\\\"][b c="ä" c="2"][d] An event',
      {
        time: '2003-10-11T22:14:15.003Z',
        severity: 10,
        service: 'evntslog',
        host: 'h',
        message: 'An event',
        'syslog.facility': 'local4',
        'syslog.msgid': 'ID47',
        'exampleSDID@32473.iut': '3',
        'exampleSDID@32473.eventSource': 'App "x" ]\\',
        'b.c': 'ä',
        'b.c.2': '2',
      },
    ],
    ['<14>1 - - - - - -', { severity: 9, host: 'sender', 'syslog.facility': 'user' }],
    ['<14>1 - - - - - [a b="1"]', { severity: 9, host: 'sender', 'syslog.facility': 'user', 'a.b': '1' }],
    [
      '<14>1 2003-10-11T22:14:15Z h app 1 - [a b="1" not closed',
      {
        severity: 9,
        host: 'sender',
        message: '1 2003-10-11T22:14:15Z h app 1 - [a b="1" not closed',
        'syslog.facility': 'user',
      },
    ],
    [
      '<14>1 yesterday h app 1 - - x',
      { severity: 9, host: 'sender', message: '1 yesterday h app 1 - - x', 'syslog.facility': 'user' },
    ],
  ]
  test.each(cases)('%s', (message, told) => expect(read(message)).toEqual(told))
})

describe('RFC 3164', () => {
  const cases: [string, Record<string, unknown>][] = [
    [
      "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
      {
        time: '2026-10-11T22:14:15.000Z',
        severity: 18,
        service: 'su',
        host: 'mymachine',
        message: "'su root' failed",
        'syslog.facility': 'auth',
      },
    ],
    [
      '<13>Nov  1 10:00:00 root[77]: hello',
      {
        time: '2026-11-01T10:00:00.000Z',
        severity: 10,
        service: 'root',
        host: 'sender',
        message: 'hello',
        'syslog.facility': 'user',
        'process.pid': '77',
      },
    ],
    [
      '<189>2026-11-20T10:00:00.5+01:00 router1 %LINK-3-UPDOWN: down',
      {
        time: '2026-11-20T09:00:00.500Z',
        severity: 10,
        service: '%LINK-3-UPDOWN',
        host: 'router1',
        message: 'down',
        'syslog.facility': 'local7',
      },
    ],
    [
      '<187>*Nov  1 2024 10:00:00: %SYS-2-X: no clock',
      {
        time: '2024-11-01T10:00:00.000Z',
        severity: 17,
        service: '%SYS-2-X',
        host: 'sender',
        message: 'no clock',
        'syslog.facility': 'local7',
      },
    ],
    ['<13>just words', { severity: 10, host: 'sender', message: 'just words', 'syslog.facility': 'user' }],
    ['<13>app: words', { severity: 10, service: 'app', host: 'sender', message: 'words', 'syslog.facility': 'user' }],
    ['<192>too high', { host: 'sender', message: '<192>too high' }],
    ['<13', { host: 'sender', message: '<13' }],
    ['no priority: ERROR', { severity: 17, host: 'sender', message: 'no priority: ERROR' }],
  ]
  test.each(cases)('%s', (message, told) => expect(read(message)).toEqual(told))

  test('a time is of the zone that is set', () => {
    expect(read('<13>Nov  1 10:00:00 h a: x', 'Europe/Berlin')).toMatchObject({ time: '2026-11-01T09:00:00.000Z' })
  })
})

test('what is no UTF-8 is repaired, and ends of lines are no part of a message', () => {
  expect(read(Buffer.from('<13>app: caf\xe9\r\n\0', 'latin1'))).toMatchObject({ service: 'app', message: 'caf\ufffd' })
  expect(read('\r\n')).toBeUndefined()
})

/** Messages of a stream that comes in pieces of this size; `+n` behind one: so much was cut. */
function frames(text: string, chunkBytes: number, bytesMax = 1000): string[] {
  const found: string[] = []
  const framing = new SyslogFraming(bytesMax, (bytes, from, to, cutBytes) =>
    found.push(bytes.toString('utf8', from, to) + (cutBytes > 0 ? `+${cutBytes}` : '')),
  )
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunkBytes) framing.push(Buffer.from(bytes.subarray(at, at + chunkBytes)))
  framing.end()
  return found
}

describe('messages in a stream', () => {
  const cases: [string, string, string[]][] = [
    ['newlines', '<1>a\n<2>b\r\n\n<3>c', ['<1>a', '<2>b\r', '<3>c']],
    ['NUL', '<1>a\0<2>b\0', ['<1>a', '<2>b']],
    ['octet counting', '6 <1>a\nb4 <2>c', ['<1>a\nb', '<2>c']],
    ['both in turn', '4 <1>a\n<2>b\n4 <3>c', ['<1>a', '<2>b', '<3>c']],
    ['digits that are no length', '12 monkeys\n7\n007 <1>\n', ['12 monkeys', '7', '007 <1>']],
    ['a number too long', '123456789 <1>a\n', ['123456789 <1>a']],
    ['too long', `<1>${'x'.repeat(30)}\n34 <2>${'y'.repeat(31)}<3>z\n`, ['<1>xxxxxxx+23', '<2>yyyyyyy+24', '<3>z']],
    ['what ends early', '10 <1>abc', ['<1>abc+4']],
    ['a length without message', '10 ', ['10 ']],
  ]
  test.each(cases)('%s', (name, text, expected) => {
    for (const chunkBytes of [1, 2, 3, 7, 1000]) {
      expect(frames(text, chunkBytes, name === 'too long' ? 10 : 1000)).toEqual(expected)
    }
  })

  test('any bytes, in any pieces: none are lost', () => {
    const text = fc
      .array(fc.constantFrom('<34>', '1 ', '12 ', '5 <1>', '\n', '\0', '[a b="c"] ', 'Nov  1 10:00:00 ', 'x', '- '), {
        maxLength: 40,
      })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 20 }), (text, chunkBytes) => {
        const whole = frames(text, 1_000_000)
        expect(frames(text, chunkBytes)).toEqual(whole)
        for (const message of whole) expect(typeof read(message)).toMatch(/object|undefined/)
        const kept = whole.join('').replaceAll(/[\n\r\0]|\+\d+$/g, '')
        const lengths = /\d/g
        const strip = (from: string): string => from.replaceAll(/[\n\r\0 ]/g, '').replaceAll(lengths, '')
        expect(strip(kept)).toBe(strip(text))
      }),
      { numRuns: 300 },
    )
  })
})

import { describe, expect, test } from 'vitest'
import { NO_TIMESTAMP } from '../../core/batch.ts'
import { formatTimestamp } from '../../core/time.ts'
import { interpret } from './testing/interpret.ts'
import { TimePattern } from './time-pattern.ts'
import { createWallTime } from './wall-time.ts'

function timeOf(line: string, options = {}): string | undefined {
  const event = interpret(line, options).events[0] ?? expect.unreachable()
  return event.timestampNs === NO_TIMESTAMP ? undefined : formatTimestamp(event.timestampNs)
}

describe('times as programs write them', () => {
  const cases: [string, string | undefined][] = [
    ['2026-11-21T10:00:00Z up', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21T10:00:00.123456789+02:00 up', '2026-11-21T08:00:00.123456789Z'],
    ['2026-11-21 10:00:00,978 up', '2026-11-21T10:00:00.978Z'],
    ['2026-11-21 10:00:00.5-0130 up', '2026-11-21T11:30:00.500Z'],
    ['2026-11-21 10:00:00.123 UTC [7] LOG:  up', '2026-11-21T10:00:00.123Z'],
    ['2026-11-21 10:00:00.123 +0200 [7] LOG:  up', '2026-11-21T08:00:00.123Z'],
    ['2026-11-21 10:00:00 +02 apples', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21 10:00:00', '2026-11-21T10:00:00.000Z'],
    ['[2026-11-21 10:00:00] up', '2026-11-21T10:00:00.000Z'],
    ['INFO [2026-11-21 10:00:00,5] up', '2026-11-21T10:00:00.500Z'],
    ['2026-11-21 10:00:00,978 - INFO up', '2026-11-21T10:00:00.978Z'],
    ['20261121T100000Z up', '2026-11-21T10:00:00.000Z'],
    ['2016-09-28 04:30:30, Info                  CBS    Loaded', '2016-09-28T04:30:30.000Z'],
    ['api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO x', '2017-05-16T00:00:00.008Z'],
    ['2026/11/21 10:00:00 [error] 7#7: *1 up', '2026-11-21T10:00:00.000Z'],
    ['20171223-22:15:29:606|Step_LSC|30002312|up', '2017-12-23T22:15:29.606Z'],
    ['[Sun Dec 04 04:47:44 2005] [notice] up', '2005-12-04T04:47:44.000Z'],
    ['[Sun Dec  4 04:47:44.123456 2005] [core:error] up', '2005-12-04T04:47:44.123456Z'],
    ['Sun, 04 Dec 2005 04:47:44 GMT up', '2005-12-04T04:47:44.000Z'],
    ['Sun Dec  4 04:47:44 CET 2005 up', '2005-12-04T04:47:44.000Z'],
    ['[10/Oct/2000:13:55:36 -0700] up', '2000-10-10T20:55:36.000Z'],
    ['Nov 21 06:55:46 host sshd[1]: hello', '2026-11-21T06:55:46.000Z'],
    ['Nov 21 06:55:46.123 host sshd[1]: hello', '2026-11-21T06:55:46.123Z'],
    ['Jul  9 12:16:51 host ftpd[1]: hello', '2026-07-09T12:16:51.000Z'],
    ['Feb 29 12:00:00 host x: hello', '2024-02-29T12:00:00.000Z'],
    ['Nov 21 2019 06:55:46: %ASA-6-1: hello', '2019-11-21T06:55:46.000Z'],
    ['Nov 21, 2019 12:00:05 AM com.shop.Main run', '2019-11-21T00:00:05.000Z'],
    ['Nov 21, 2019 1:00:05 PM com.shop.Main run', '2019-11-21T13:00:05.000Z'],
    ['7:M 21 Nov 2026 06:55:46.123 * Ready', '2026-11-21T06:55:46.123Z'],
    ['21-Nov-2026 06:55:46.123 INFO [main] up', '2026-11-21T06:55:46.123Z'],
    ['21.11.2026 06:55:46 up', '2026-11-21T06:55:46.000Z'],
    ['03-17 16:13:38.811  1702  2395 D WindowManager: x', '2026-03-17T16:13:38.811Z'],
    ['E0314 12:33:44.123456 1234 file.go:12] x', '2026-03-14T12:33:44.123456Z'],
    ['17/06/09 20:10:40 INFO executor.Backend: up', '2017-06-09T20:10:40.000Z'],
    ['17/06/09 20:10:40 is a time that could be anything', undefined],
    ['081109 203615 148 INFO dfs.DataNode: up', '2008-11-09T20:36:15.000Z'],
    ['081109 203615 148 blocks moved', undefined],
    ['140918 12:33:50 [ERROR] mysqld: x', '2014-09-18T12:33:50.000Z'],
    ['1286536308.779    180 192.168.0.224 TCP_MISS/200', '2010-10-08T11:11:48.779Z'],
    ['1286536308 up', '2010-10-08T11:11:48.000Z'],
    ['1286536308779 up', '2010-10-08T11:11:48.779Z'],
    ['1286536308779123 up', '2010-10-08T11:11:48.779123Z'],
    ['1286536308779123456 up', '2010-10-08T11:11:48.779123456Z'],
    ['- 1117838570 2005.06.03 R02 up', '2005-06-03T22:42:50.000Z'],
    ['type=SYSCALL msg=audit(1364481363.243:24287): arch=c', '2013-03-28T14:36:03.243Z'],
    ['4123456789 is a telephone number', undefined],
    ['123456789 is too', undefined],
    ['2026-13-21 10:00:00 no such month', undefined],
    ['2026-02-30 10:00:00 no such day', undefined],
    ['2026-11-21 25:00:00 no such hour', undefined],
    ['2026-11-21 10:00:001 glued', undefined],
    ['2026-11-21 10:00:00abc glued', undefined],
    ['Nov 31 06:55:46 no such day', undefined],
    ['Now 21 06:55:46 no such month', undefined],
    ['hello', undefined],
    ['2026', undefined],
  ]
  test.each(cases)('%s → %s', (line, time) => expect(timeOf(line)).toBe(time))

  test.each(cases.filter(([, time]) => time))('at every length of %s', (line) => {
    for (let size = 1; size < line.length; size++) expect(interpret(line.slice(0, size)).events).toHaveLength(1)
  })
})

describe('a configured pattern', () => {
  const cases: [string, string, string | undefined][] = [
    ['%d/%m/%Y %H:%M', 'on 21/11/2026 10:05 up', '2026-11-21T10:05:00.000Z'],
    ['%m/%d/%y %I:%M:%S %p', '11/21/26 01:05:09 PM up', '2026-11-21T13:05:09.000Z'],
    ['%A, %d. %B %Y %T.%f %z', 'x y z u v w Saturday, 21. November 2026 10:00:00.25 +0100', '2026-11-21T09:00:00.250Z'],
    ['<%s>', 'a <1286536308> b', '2010-10-08T11:11:48.000Z'],
    ['%F %T %Z', '2026-11-21 10:00:00 UTC up', '2026-11-21T10:00:00.000Z'],
    ['%d/%m/%Y %H:%M', '11/21/2026 10:05 up', undefined],
  ]
  test.each(cases)('%s in %s → %s', (timestampPattern, line, time) =>
    expect(timeOf(line, { timestampPattern })).toBe(time),
  )

  test('is the only one that counts', () => {
    expect(timeOf('2026-11-21 10:00:00 up', { timestampPattern: '%d.%m.%Y %T' })).toBeUndefined()
  })

  test.each(['%Q', '%H:%M', '%d.%m.%Y', 'no time', '%', '%F %I:%M'])('%s is refused', (text) => {
    expect(() => new TimePattern(text)).toThrow(RangeError)
  })
})

function matched(pattern: TimePattern, text: Buffer): { after: number; found: object } {
  const found = createWallTime()
  return { after: pattern.match(text, 0, text.length, found), found }
}

describe('what a pattern has read before makes no difference', () => {
  const ends = [
    '',
    ' ',
    ' x',
    '. x',
    ':30 x',
    ']',
    '] x',
    '.5 x',
    ',5 x',
    '5 x',
    'x',
    ': x',
    ' +0200 x',
    ' +02 x',
    '+0200 x',
    'Z x',
  ]
  test.each([
    ['%b %e %T%E', ['Nov 21 10:00:00', 'Nov 21 10:00:01', 'Nov  1 10:00:00', 'Nov 1 10:00:00']],
    ['%Y-%m-%d %T%E%O', ['2026-11-21 10:00:00', '2026-11-21 10:00:00.123', '2026-11-21 10:00:00 +0200']],
    [
      '%d/%b/%Y:%T %z',
      [
        '21/Nov/2026:10:00:00 +0000',
        '21/Nov/2026:10:00:00 +00:00',
        '21/Nov/2026:10:00:00 +00',
        '21/Nov/2026:10:00:00 Z',
      ],
    ],
    ['%G%m%d %T.%f', ['I1121 10:00:00.5', 'E1121 10:00:00.5']],
    ['%s', ['1286536308', '1286536308.779']],
  ])('%s', (form, times) => {
    const texts = times.flatMap((time) => ends.map((end) => Buffer.from(time + end)))
    for (const before of texts) {
      const pattern = new TimePattern(form)
      for (const text of texts) {
        matched(pattern, before)
        const { after, found } = matched(pattern, text)
        const fresh = matched(new TimePattern(form), text)
        expect(after, `${String(text)} after ${String(before)}`).toBe(fresh.after)
        if (after >= 0) expect(found).toEqual(fresh.found)
      }
    }
  })
})

describe('a time zone', () => {
  const cases: [string, string, string][] = [
    ['Europe/Berlin', '2026-07-01 12:00:00 a', '2026-07-01T10:00:00.000Z'],
    ['Europe/Berlin', '2026-12-01 12:00:00 a', '2026-12-01T11:00:00.000Z'],
    ['Europe/Berlin', '2026-12-01 12:00:00Z a', '2026-12-01T12:00:00.000Z'],
    // 02:00 to 03:00 does not exist on this day: read by the offset before the change.
    ['Europe/Berlin', '2026-03-29 01:59:59 a', '2026-03-29T00:59:59.000Z'],
    ['Europe/Berlin', '2026-03-29 02:30:00 a', '2026-03-29T01:30:00.000Z'],
    ['Europe/Berlin', '2026-03-29 03:00:00 a', '2026-03-29T01:00:00.000Z'],
    // 02:00 to 03:00 comes twice on this day: the first one.
    ['Europe/Berlin', '2026-10-25 02:30:00 a', '2026-10-25T00:30:00.000Z'],
    ['Europe/Berlin', '2026-10-25 03:00:00 a', '2026-10-25T02:00:00.000Z'],
    ['America/New_York', '2026-07-01 12:00:00 a', '2026-07-01T16:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-04-05 01:45:00 a', '2026-04-04T14:45:00.000Z'],
    ['Asia/Kathmandu', '2026-07-01 12:00:00 a', '2026-07-01T06:15:00.000Z'],
    ['+02:00', '2026-07-01 12:00:00 a', '2026-07-01T10:00:00.000Z'],
    ['-0330', '2026-07-01 12:00:00 a', '2026-07-01T15:30:00.000Z'],
  ]
  test.each(cases)('%s %s → %s', (zone, line, time) => expect(timeOf(line, { timeZone: zone })).toBe(time))

  test('the hour that comes twice is told apart by the line before', () => {
    const lines = ['02:10:00', '02:50:00', '02:49:59', '02:05:00', '02:59:00', '03:00:00']
    const { events } = interpret(lines.map((time) => `2026-10-25 ${time} a`).join('\n'), { timeZone: 'Europe/Berlin' })
    expect(events.map((found) => formatTimestamp(found.timestampNs).slice(11, 19))).toEqual([
      '00:10:00',
      '00:50:00',
      '00:49:59',
      '01:05:00',
      '01:59:00',
      '02:00:00',
    ])
  })

  test('one that does not exist is refused', () => {
    expect(() => interpret('a', { timeZone: 'Europe/Atlantis' })).toThrow(RangeError)
  })

  test('agrees with the runtime at every third of an hour around its changes', () => {
    for (const timeZone of ['America/St_Johns', 'Pacific/Auckland']) {
      const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
      const changes = ['2026-03-08', '2026-04-05', '2026-09-27', '2026-11-01'].map((day) => Date.parse(day))
      const moments = changes.flatMap((ms) =>
        Array.from({ length: 288 }, (_, i) => ms - DAY_MS + i * (DAY_MS / 72) + 7000),
      )
      const text = moments.map((ms) => `${format.format(ms)} a`).join('\n')
      const { events } = interpret(text, { timeZone, referenceSeconds: 2e9 })
      expect(events.map((found) => Number(found.timestampNs / 1_000_000n))).toEqual(moments)
    }
  })
})

const DAY_MS = 86_400_000

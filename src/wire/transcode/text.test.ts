import { describe, expect, test } from 'vitest'
import { NO_TIMESTAMP } from '../../core/batch.ts'
import { formatTimestamp } from '../../core/time.ts'
import { transcode, TEST_NOW_SECONDS } from './testing/transcode.ts'

function event(line: string, nowSeconds = TEST_NOW_SECONDS) {
  const found = transcode(line, 'text', { nowSeconds }).events[0] ?? expect.unreachable()
  const time = found.timestampNs === NO_TIMESTAMP ? undefined : formatTimestamp(found.timestampNs)
  return { time, severity: found.severity, message: found.message }
}

describe('the time at the begin of a line', () => {
  const cases: [string, string | undefined][] = [
    ['2026-11-21T10:00:00Z up', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21T10:00:00.123456789+02:00 up', '2026-11-21T08:00:00.123456789Z'],
    ['2026-11-21 10:00:00,978 up', '2026-11-21T10:00:00.978Z'],
    ['2026-11-21 10:00:00.5-0130 up', '2026-11-21T11:30:00.500Z'],
    ['2026-11-21 10:00:00', '2026-11-21T10:00:00.000Z'],
    ['[2026-11-21 10:00:00] up', '2026-11-21T10:00:00.000Z'],
    ['2026-11-21 10:00:00,978 - INFO up', '2026-11-21T10:00:00.978Z'],
    ['api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO x', '2017-05-16T00:00:00.008Z'],
    ['[Sun Dec 04 04:47:44 2005] [notice] up', '2005-12-04T04:47:44.000Z'],
    ['[Sun Dec  4 04:47:44.123456 2005] [core:error] up', '2005-12-04T04:47:44.000Z'],
    ['10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200', '2000-10-10T20:55:36.000Z'],
    ['Nov 21 06:55:46 host sshd[1]: hello', '2026-11-21T06:55:46.000Z'],
    ['Dec 10 06:55:46 host sshd[1]: hello', '2025-12-10T06:55:46.000Z'],
    ['Jul  9 12:16:51 host ftpd[1]: hello', '2026-07-09T12:16:51.000Z'],
    ['Feb 29 12:00:00 host x: hello', '2024-02-29T12:00:00.000Z'],
    ['17/06/09 20:10:40 INFO executor.Backend: up', '2017-06-09T20:10:40.000Z'],
    ['17/06/09 20:10:40 is a time that could be anything', undefined],
    ['081109 203615 148 INFO dfs.DataNode: up', '2008-11-09T20:36:15.000Z'],
    ['081109 203615 148 blocks moved', undefined],
    ['2026-13-21 10:00:00 no such month', undefined],
    ['2026-02-30 10:00:00 no such day', undefined],
    ['2026-11-21 25:00:00 no such hour', undefined],
    ['2026-11-21 10:00:001 glued', undefined],
    ['Nov 31 06:55:46 no such day', undefined],
    ['it is 2026-11-21 10:00:00 now, said in passing', undefined],
    ['1700000000 could be any number', undefined],
    ['hello', undefined],
    ['', undefined],
  ]
  test.each(cases.filter(([line]) => line !== ''))('%s → %s', (line, time) => {
    expect(event(line)).toMatchObject({ time, message: line })
  })

  test('a date without a year may lie a little ahead of this clock, not more', () => {
    expect(event('Nov 22 06:00:00 h x: y').time).toBe('2026-11-22T06:00:00.000Z')
    expect(event('Nov 23 12:00:01 h x: y').time).toBe('2025-11-23T12:00:01.000Z')
    const newYear = Date.UTC(2027, 0, 1) / 1000 - 1
    expect(event('Jan  1 00:00:05 h x: y', newYear).time).toBe('2027-01-01T00:00:05.000Z')
    expect(event('Dec 31 23:59:59 h x: y', newYear + 5).time).toBe('2026-12-31T23:59:59.000Z')
  })
})

describe('the level', () => {
  const cases: [string, number][] = [
    ['2026-11-21 10:00:00,978 WARN [main] x', 13],
    ['[Sun Dec 04 04:47:44 2005] [error] x', 17],
    ['[Sun Dec 04 04:47:44 2005] [notice] x', 10],
    ['INFO:root:x', 9],
    ['<warn> x', 13],
    ['Nov 21 06:55:46 h sshd[1]: error: Received disconnect', 17],
    ['time=x level=info msg=y', 9],
    ['time=x level="warning" msg=y', 13],
    ['CRITICAL failure', 18],
    ['an error happened', 0],
    ['the word ERRORS is no level', 0],
    ['ERROR_CODE=5', 0],
    ['no information', 0],
    [`${'x'.repeat(200)} ERROR far behind`, 0],
  ]
  test.each(cases)('%s → %i', (line, severity) => expect(event(line)).toMatchObject({ severity, message: line }))
})

test('a line that is too long is cut at a character, and says by how much', () => {
  const { events } = transcode(`${'é'.repeat(60)}\nnext`, 'text', { limits: { lineBytesMax: 101 } })
  expect(events.map((found) => [found.message, found.attributes.get('truncated.bytes')])).toEqual([
    ['é'.repeat(50), '20'],
    ['next', undefined],
  ])
})

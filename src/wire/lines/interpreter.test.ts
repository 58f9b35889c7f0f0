import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { EventBatch, NO_TIMESTAMP } from '../../core/batch.ts'
import type { LogEvent } from '../../core/event.ts'
import { formatTimestamp } from '../../core/time.ts'
import { eventDefaults } from '../transcode/row-writer.ts'
import { createLineInterpreter } from './interpreter.ts'
import { eventsOf } from '../transcode/testing/transcode.ts'
import { interpret, testTools } from './testing/interpret.ts'

function timeOf(event: LogEvent | undefined): string | undefined {
  return event && event.timestampNs !== NO_TIMESTAMP ? formatTimestamp(event.timestampNs) : undefined
}

const times = (text: string, options = {}): (string | undefined)[] => interpret(text, options).events.map(timeOf)
const messages = (text: string, options = {}): string[] => interpret(text, options).events.map((found) => found.message)

describe('the times of a file', () => {
  test('take the form and the place that most of its first lines have', () => {
    const lines = [
      '# 2026-01-01 00:00:00 made',
      'a b c 2026-11-21 10:00:00 one',
      'a b c 2026-11-21 10:00:01 two',
      'a b 2026-11-21 10:00:02 c three',
    ]
    expect(times(lines.join('\n'))).toEqual([
      '2026-11-21T10:00:00.000Z',
      '2026-11-21T10:00:00.000Z',
      '2026-11-21T10:00:01.000Z',
      '2026-11-21T10:00:01.000Z',
    ])
  })

  test('a time said in passing is none', () => {
    expect(times('it is 2026-11-21 10:00:00 now\nhello')).toEqual([undefined, undefined])
  })

  test('a line without one has the time of the line before, and lines above the first have the first', () => {
    expect(times('start\n2026-11-21T10:00:00Z a\nb\n2026-11-21T10:00:05Z c')).toEqual([
      '2026-11-21T10:00:00.000Z',
      '2026-11-21T10:00:00.000Z',
      '2026-11-21T10:00:00.000Z',
      '2026-11-21T10:00:05.000Z',
    ])
  })

  test('a program that changes its form is followed', () => {
    const old = Array.from({ length: 60 }, (_, i) => `Nov 20 10:00:${String(i).padStart(2, '0')} host app: x`)
    const fresh = Array.from({ length: 60 }, (_, i) => `- at 2026-11-21T10:00:${String(i).padStart(2, '0')}Z app`)
    const first = fresh.map((line) => line.slice(5))
    expect(times([...old, ...first].join('\n')).at(-1)).toBe('2026-11-21T10:00:59.000Z')
  })

  test('learning ends early where the reader cannot wait', () => {
    const text = '2026-11-21T10:00:00Z a\n2026-11-21T10:00:01Z b\n2026-11-21T10:00:02Z c\n'
    expect(times(text, { flushEvery: 1 })).toEqual(times(text))
  })
})

const yearless = (text: string, reference: string): (string | undefined)[] =>
  times(text, { referenceSeconds: Date.parse(reference) / 1000 })

describe('a date without a year', () => {
  test('is of the latest year that is not after the file was written', () => {
    expect(yearless('Jun 14 15:16:01 h a: x', '2026-11-28T00:00:00Z')).toEqual(['2026-06-14T15:16:01.000Z'])
    expect(yearless('Dec 14 15:16:01 h a: x', '2026-11-28T00:00:00Z')).toEqual(['2025-12-14T15:16:01.000Z'])
    expect(yearless('03-17 16:13:38.811 1 2 D a: x', '2017-03-18T00:00:00Z')).toEqual(['2017-03-17T16:13:38.811Z'])
    expect(yearless('I1231 23:59:59.000001 1 a.go:1] x', '2026-01-05T00:00:00Z')).toEqual([
      '2025-12-31T23:59:59.000001Z',
    ])
  })

  test('goes over New Year, with a clock that is a little ahead', () => {
    const text = 'Dec 31 23:59:59 h a: x\nJan  1 00:00:00 h a: y\nJan  1 00:00:01 h a: z'
    for (const reference of ['2026-01-01T00:00:00Z', '2025-12-31T23:59:58Z', '2026-06-01T00:00:00Z']) {
      expect(yearless(text, reference)).toEqual([
        '2025-12-31T23:59:59.000Z',
        '2026-01-01T00:00:00.000Z',
        '2026-01-01T00:00:01.000Z',
      ])
    }
  })

  test('follows the file as it grows', () => {
    const interpreter = createLineInterpreter({
      format: 'auto',
      tools: testTools(),
      referenceSeconds: Date.parse('2025-12-30T00:00:00Z') / 1000,
      defaults: eventDefaults({}),
    })
    const batch = new EventBatch()
    const line = (text: string): void => {
      interpreter.line(batch, Buffer.from(text), 0, text.length, 0)
      interpreter.flush(batch)
    }
    line('Dec 30 10:00:00 h a: x')
    interpreter.setReference(Date.parse('2026-12-30T11:00:00Z') / 1000)
    line('Dec 30 10:00:00 h a: x')
    expect(eventsOf(batch).map(timeOf)).toEqual(['2025-12-30T10:00:00.000Z', '2026-12-30T10:00:00.000Z'])
  })
})

describe('the level', () => {
  const levels: [string, number][] = [
    ['2026-11-21 10:00:00,978 WARN [main] x', 13],
    ['2016-09-28 04:30:30, Info                  CBS    Loaded', 9],
    ['03-17 16:13:38.811  1702  2395 D WindowManager: x', 5],
    ['03-17 16:13:38.811  1702  2395 E WindowManager: x', 17],
    ['W0314 12:33:44.123456 1234 file.go:12] x', 13],
    ['[Sun Dec 04 04:47:44.1 2005] [core:error] [pid 1] x', 17],
    ['[2026-11-21 10:00:00] [INF] x', 9],
    ['2026-11-21 10:00:00 +01:00 [WRN] x', 13],
    ['2026-11-21 10:00:00 12 INF x', 0],
    ['2026-11-21 10:00:00 [Warning] x', 13],
    ['2026-11-21 10:00:00 error: x', 17],
    ['2026-11-21 10:00:00 no error happened', 0],
  ]
  test.each(levels)('%s → %i', (line, severity) => {
    expect(interpret(line).events.map((found) => found.severity)).toEqual([severity])
  })
})

describe('lines that belong together', () => {
  const java = [
    'java.lang.IllegalStateException: broken',
    '\tat com.shop.Cart.add(Cart.java:12)',
    '\tat com.shop.Main.main(Main.java:3)',
    'Caused by: java.io.IOException: disk',
    '\tat com.shop.Disk.write(Disk.java:9)',
    '\t... 2 more',
  ]
  const python = [
    'Traceback (most recent call last):',
    '  File "a.py", line 1, in <module>',
    '    run()',
    'KeyError: 1',
    '',
    'During handling of the above exception, another exception occurred:',
    '',
    'Traceback (most recent call last):',
    '  File "a.py", line 3, in <module>',
    '    stop()',
    'shop.StopError: no',
  ]
  const node = [
    'TypeError: x is not a function',
    '    at run (/app/a.js:1:2)',
    '    at node:internal/main:1:1 {',
    "  code: 'ERR'",
    '}',
  ]
  const go = [
    'panic: runtime error: index out of range [1] with length 1',
    '',
    'goroutine 1 [running]:',
    'main.(*Cart).add(0xc0000b2000, 0x1)',
    '\t/app/main.go:7 +0x1d',
    'main.main()',
    '\t/app/main.go:12 +0x2a',
    'exit status 2',
  ]
  const traces = { java, python, node, go }
  const cases = Object.entries(traces)

  test.each(cases)('a trace of %s after a line of the log', (_language, trace) => {
    const text = ['2026-11-21 10:00:00 ERROR it broke', ...trace, '2026-11-21 10:00:01 INFO on', 'and on'].join('\n')
    for (const chunkBytes of [undefined, 7, 40]) {
      const all = messages(text, { chunkBytes })
      expect(all).toHaveLength(3)
      expect(all[0]?.split('\n').filter(Boolean)).toEqual(
        ['2026-11-21 10:00:00 ERROR it broke', ...trace].filter(Boolean),
      )
    }
  })

  test.each(cases)('a trace of %s in a file without times', (_language, trace) => {
    const text = ['up', ...trace, 'on', 'and on'].join('\n')
    expect(messages(text).map((message) => message.split('\n').filter(Boolean))).toEqual([
      ['up'],
      trace.filter(Boolean),
      ['on'],
      ['and on'],
    ])
  })

  test('indented lines join a line with a time, and stand alone without', () => {
    expect(messages('2026-11-21 10:00:00 SELECT *\n  FROM cart\n2026-11-21 10:00:01 done')).toEqual([
      '2026-11-21 10:00:00 SELECT *\n  FROM cart',
      '2026-11-21 10:00:01 done',
    ])
    expect(messages('a\n  b\nc')).toEqual(['a', '  b', 'c'])
  })

  test('a configured start', () => {
    const text = 'BEGIN 1\na\n b\nBEGIN 2\nc'
    expect(messages(text, { multiline: { start: /^BEGIN/ } })).toEqual(['BEGIN 1\na\n b', 'BEGIN 2\nc'])
  })

  test('nothing is joined when that is off', () => {
    expect(messages('2026-11-21 10:00:00 a\n  b', { multiline: 'off' })).toHaveLength(2)
  })

  test('limits end an event, and nothing is lost', () => {
    const text = ['2026-11-21 10:00:00 a', ...Array.from({ length: 9 }, (_, i) => `  ${i}`)].join('\n')
    const byLines = interpret(text, { limits: { linesMax: 4 } })
    expect(byLines.events.map((found) => found.message.split('\n').length)).toEqual([4, 4, 2])
    expect(byLines.interpreter.counts).toMatchObject({ cut: 2, joined: 7 })
    expect(new Set(byLines.events.map(timeOf))).toEqual(new Set(['2026-11-21T10:00:00.000Z']))
    const byBytes = interpret(text, { limits: { bytesMax: 30 } })
    expect(byBytes.events.map((found) => found.message).join('\n')).toBe(text)
    expect(byBytes.events.every((found) => found.message.length <= 30)).toBe(true)
  })
})

test('a piece of a long line says which it is and has the time of the first', () => {
  const { interpreter } = interpret('2026-11-21 10:00:00 INFO a\n2026-11-21 10:00:00 INFO b')
  const batch = new EventBatch()
  const pieces = ['2026-11-21 10:00:07 WARN xxxx', 'yyyy 2026-01-01 10:00:00', 'zz']
  pieces.forEach((piece, i) => interpreter.part(batch, Buffer.from(piece), 0, piece.length, 1000 + i, i + 1))
  expect(eventsOf(batch).map((found) => [found.message, timeOf(found), found.severity])).toEqual(
    pieces.map((piece) => [piece, '2026-11-21T10:00:07.000Z', 13]),
  )
  expect(eventsOf(batch).map((found) => found.attributes.get('line.part'))).toEqual(['1', '2', '3'])
  expect(interpreter.settledOffset).toBe(1002)
})

test('the settled offset is where the first line begins whose event is not in the batch', () => {
  const interpreter = createLineInterpreter({
    format: 'auto',
    tools: testTools(),
    referenceSeconds: 0,
    defaults: eventDefaults({}),
    startOffset: 100,
  })
  const batch = new EventBatch()
  const seen: [number, number][] = []
  for (let i = 0; i < 40; i++) {
    const text = i % 3 === 1 ? '  more' : '2026-11-21 10:00:00 line'
    interpreter.line(batch, Buffer.from(text), 0, text.length, 200 + i)
    seen.push([batch.rows, interpreter.settledOffset])
    interpreter.forget()
  }
  expect(seen[0]).toEqual([0, 100])
  expect(seen[30]).toEqual([0, 100])
  // Line 38 is the last that begins an event and is held back.
  expect(seen[39]).toEqual([26, 238])
  interpreter.flush(batch)
  expect([batch.rows, interpreter.settledOffset]).toEqual([27, 239])
})

/** The lines of a file that are not blank. */
function linesOf(file: Buffer): string[] {
  return file
    .toString()
    .split('\n')
    .filter((line) => !/^[ \t\r]*$/.test(line))
}

describe('whatever a file contains', () => {
  const fragments = fc.oneof(
    fc.constantFrom(
      '2026-11-21 10:00:00',
      'Nov 21 10:00:00 ',
      '\tat x',
      'Traceback (most recent call last):',
      '{"a":1}',
    ),
    fc.constantFrom(
      'panic: ',
      'goroutine 1 [',
      '1700000000 ',
      '}',
      '[',
      ' - - [10/Oct/2000:13:55:36 -0700] "',
      '\r',
      '\n',
    ),
    fc.string({ unit: 'binary' }),
  )
  const text = fc.array(fragments, { maxLength: 60 }).map((parts) => parts.join(''))

  test('every line ends up in an event, wherever the reader cuts', () => {
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 9 }),
        (text, chunkBytes, flushEvery) => {
          const lines = linesOf(Buffer.from(text))
          const found = interpret(text, { format: 'text', chunkBytes, flushEvery }).events
          const kept = found.map((event) => event.message).join('\n')
          expect(linesOf(Buffer.from(kept))).toEqual(lines)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('where the reader cuts makes no difference', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 50 }), (text, chunkBytes) => {
        expect(interpret(text, { chunkBytes }).events).toEqual(interpret(text).events)
      }),
      { numRuns: 300 },
    )
  })

  test('bytes that are no text do no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('auto', 'text', 'json'), (bytes, format) => {
        const lines = linesOf(Buffer.from(bytes))
        const { events, interpreter } = interpret(bytes, { format: format as 'auto', multiline: 'off' })
        expect(events).toHaveLength(lines.length)
        expect(interpreter.settledOffset).toBe(bytes.length)
      }),
      { numRuns: 300 },
    )
  })
})

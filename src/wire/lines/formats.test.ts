import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { EventBatch, NO_TIMESTAMP } from '../../core/batch.ts'
import type { LogEvent } from '../../core/event.ts'
import { formatTimestamp } from '../../core/time.ts'
import { eventDefaults } from '../transcode/row-writer.ts'
import { createLineInterpreter, LINE_FORMATS, type LineFormat } from './interpreter.ts'
import { interpret, type InterpretOptions, testTools } from './testing/interpret.ts'

/** What an event says, without what is empty. */
function told(event: LogEvent): Record<string, unknown> {
  const { timestampNs, severity, service, host, message, attributes } = event
  const time = timestampNs === NO_TIMESTAMP ? undefined : formatTimestamp(timestampNs)
  const all = { time, severity, service, host, message, ...Object.fromEntries(attributes) }
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== '' && value !== 0 && value !== undefined),
  )
}

const read = (text: string, options: InterpretOptions = {}): Record<string, unknown>[] =>
  interpret(text, options).events.map(told)

describe('JSON', () => {
  test('is known line by line among other lines', () => {
    expect(read('starting\n{"time":"2026-11-21T10:00:00Z","level":"warn","msg":"a","n":1}\nand then')).toEqual(
      [
        { time: undefined, message: 'starting' },
        { time: '2026-11-21T10:00:00.000Z', severity: 13, message: 'a', n: '1' },
        { time: '2026-11-21T10:00:00.000Z', message: 'and then' },
      ].map((event) => JSON.parse(JSON.stringify(event)) as object),
    )
  })

  test('without a time has the one of the line before; one without a zone is of the zone that is set', () => {
    const text = '{"time":"2026-11-21 10:00:00","msg":"a"}\n{"msg":"b"}'
    expect(read(text, { timeZone: 'Europe/Berlin' })).toEqual([
      { time: '2026-11-21T09:00:00.000Z', message: 'a' },
      { time: '2026-11-21T09:00:00.000Z', message: 'b' },
    ])
  })

  test('that is broken is kept as text', () => {
    const { events, interpreter } = interpret('{"msg":"a"}\n{"msg":}\n{"msg":"c"', { format: 'json' })
    expect(events.map(told)).toEqual([{ message: 'a' }, { message: '{"msg":}' }, { message: '{"msg":"c"' }])
    expect(interpreter.counts.misfits).toBe(2)
  })

  test('of the journal', () => {
    const line =
      '{"__REALTIME_TIMESTAMP":"1795255200123456","MESSAGE":"Started","PRIORITY":"4","SYSLOG_IDENTIFIER":"cron",' +
      '"_HOSTNAME":"db1","_PID":"7"}'
    expect(read(line)).toEqual([
      {
        time: '2026-11-21T10:00:00.123456Z',
        severity: 13,
        service: 'cron',
        host: 'db1',
        message: 'Started',
        _PID: '7',
      },
    ])
  })

  test.each<[string, string]>([
    ['[27,91,51,49,109,82,101,100]', '\u001b[31mRed'],
    ['[ 195 , 188 , 255 ]', 'ü\ufffd'],
    [`[${Array.from({ length: 40 }, () => 65).join(',')}]`, 'A'.repeat(40)],
    ['[256]', '[256]'],
    ['["a"]', '["a"]'],
    ['[]', '[]'],
    ['[1,]', String.raw`{"MESSAGE":[1,],"PRIORITY":"6","a":"\\1"}`],
  ])('of the journal, with a message in bytes: %s', (value, message) => {
    const [event] = read(String.raw`{"MESSAGE":${value},"PRIORITY":"6","a":"\\1"}`)
    expect(event?.['message']).toBe(message)
  })
})

describe('logfmt', () => {
  const cases: [string, Record<string, unknown>][] = [
    [
      'time="2026-11-21T10:00:00Z" level=warning msg="disk \\"a\\" full\\n" path=/var n=1',
      { time: '2026-11-21T10:00:00.000Z', severity: 13, message: 'disk "a" full\n', path: '/var', n: '1' },
    ],
    [
      'ts=2026-11-21T10:00:00.5Z level=info app=shop  a="" b=',
      {
        time: '2026-11-21T10:00:00.500Z',
        severity: 9,
        service: 'shop',
        message: 'ts=2026-11-21T10:00:00.5Z level=info app=shop  a="" b=',
      },
    ],
    ['level=info msg=a größe=ä', { severity: 9, message: 'a', größe: 'ä' }],
  ]
  test.each(cases)('%s', (line, event) => expect(read(line)).toEqual([event]))

  test.each([
    'level=info msg=a level=b',
    'level=info msg=a and more',
    'level=info msg="a',
    'level=info msg="a"b',
    'level=info msg=a"b"',
    'level=info =a',
    'a=1',
    'a=1 b=2',
  ])('%s is text', (line) => expect(read(line).map((event) => event['message'])).toEqual([line]))

  test('a trace between its lines is one event', () => {
    const text = 'level=info msg=a\nValueError: x\n\tat y\nlevel=info msg=b\nlevel=info msg=c'
    expect(read(text).map((event) => event['message'])).toEqual(['a', 'ValueError: x\n\tat y', 'b', 'c'])
  })
})

describe('Common Log Format', () => {
  const common = '10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=INFO HTTP/1.0" 200 2326'
  const told = {
    time: '2000-10-10T20:55:36.000Z',
    'client.address': '10.0.0.1',
    'http.user': 'frank',
    'http.method': 'GET',
    'http.path': '/a?b=INFO',
    'http.protocol': 'HTTP/1.0',
    'http.status': '200',
    'http.bytes': '2326',
  }
  test('common', () => expect(read(common)).toEqual([{ ...told, message: common }]))
  test('combined, with more behind', () => {
    const line = `${common} "http://a/" "Mozilla \\"x\\" (y)" 0.003 -`
    expect(read(line)).toEqual([
      { ...told, message: line, 'http.referer': 'http://a/', 'http.user_agent': 'Mozilla \\"x\\" (y)' },
    ])
  })
  test('what nobody asked for', () => {
    const line = '::1 - - [10/Oct/2000:13:55:36 +0000] "\\x16\\x03" 400 - "-" "-"'
    expect(read(line)).toEqual([
      {
        time: '2000-10-10T13:55:36.000Z',
        message: line,
        'client.address': '::1',
        'http.path': '\\x16\\x03',
        'http.status': '400',
      },
    ])
  })
  test('other lines between are text with their own time, or that of the line before', () => {
    expect(read(`${common}\n${common}\nserver stopped`).at(-1)).toEqual({
      time: '2000-10-10T20:55:36.000Z',
      message: 'server stopped',
    })
  })
})

describe('syslog', () => {
  const cases: [string, Record<string, unknown>][] = [
    [
      'Nov 20 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; rhost=1',
      {
        time: '2026-11-20T15:16:01.000Z',
        service: 'sshd(pam_unix)',
        host: 'combo',
        message: 'authentication failure; rhost=1',
        'process.pid': '19939',
      },
    ],
    [
      '2026-11-20T15:16:01.123456+01:00 web1 CRON[7]: error: no',
      {
        time: '2026-11-20T14:16:01.123456Z',
        severity: 17,
        service: 'CRON',
        host: 'web1',
        message: 'error: no',
        'process.pid': '7',
      },
    ],
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
  ]
  test.each(cases)('%s', (line, event) => expect(read(line)).toEqual([event]))

  test('programs with a level after their time are no syslog', () => {
    const line = '2026-11-20T15:16:01Z INFO main: up'
    expect(read(line)).toEqual([{ time: '2026-11-20T15:16:01.000Z', severity: 9, message: line }])
    const plain = '2026-11-20T15:16:01Z worker: up'
    expect(read(plain)).toEqual([{ time: '2026-11-20T15:16:01.000Z', message: plain }])
  })
})

const cri = (second: number, rest: string): string => `2026-11-21T10:00:0${second}.5Z ${rest}`
const docker = (second: number, stream: string, log: string): string =>
  JSON.stringify({ log, stream, time: `2026-11-21T10:00:0${second}.5Z` })
const at = (second: number): string => `2026-11-21T10:00:0${second}.500Z`

describe('lines of containers', () => {
  const both: [string, string][] = [
    [
      'cri',
      [
        cri(1, 'stdout F INFO a'),
        cri(2, 'stdout P long '),
        cri(3, 'stderr F apart'),
        cri(4, 'stderr P tail '),
        cri(5, 'stdout P line '),
        cri(6, 'stdout F ends'),
        cri(7, 'stderr F joined'),
        cri(8, 'stdout F {"level":"warn","msg":"b"}'),
        cri(9, 'stdout F '),
      ].join('\n'),
    ],
    [
      'docker',
      [
        docker(1, 'stdout', 'INFO a\n'),
        docker(2, 'stdout', 'long '),
        docker(3, 'stderr', 'apart\r\n'),
        docker(4, 'stderr', 'tail '),
        docker(5, 'stdout', 'line '),
        docker(6, 'stdout', 'ends\n'),
        docker(7, 'stderr', 'joined\n'),
        docker(8, 'stdout', '{"level":"warn","msg":"b"}\n'),
        docker(9, 'stdout', '\n'),
      ].join('\n'),
    ],
  ]
  const expected = [
    { time: at(1), severity: 9, message: 'INFO a', stream: 'stdout' },
    { time: at(2), message: 'long line ends', stream: 'stdout' },
    { time: at(3), message: 'apart', stream: 'stderr' },
    { time: at(4), message: 'tail joined', stream: 'stderr' },
    { time: at(8), severity: 13, message: 'b', stream: 'stdout' },
  ]
  test.each(both)('%s, with parts put together', (format, text) => {
    expect(read(text)).toEqual(expected)
    expect(read(text, { format: format as LineFormat, chunkBytes: 9 })).toEqual(expected)
  })

  test('a trace is one event, of one stream', () => {
    const lines = ['ERROR x', 'java.lang.IllegalStateException: y', '\tat a.b(C.java:1)', 'INFO on']
    const text = lines.map((line, i) => cri(i, `stderr F ${line}`))
    text.splice(3, 0, cri(8, 'stdout F   at the counter'))
    expect(read(text.join('\n')).map((event) => event['message'])).toEqual([
      'ERROR x',
      'java.lang.IllegalStateException: y\n\tat a.b(C.java:1)',
      '  at the counter',
      'INFO on',
    ])
  })

  test('labels and what is no line of a container are kept', () => {
    const line = '{"log":"a\\n","stream":"stdout","attrs":{"tag":"ä"},"time":"2026-11-21T10:00:01Z"}'
    expect(read(`${line}\n${line}\nbroken`, { format: 'docker' })).toEqual([
      { time: '2026-11-21T10:00:01.000Z', message: 'a', stream: 'stdout', 'attrs.tag': 'ä' },
      { time: '2026-11-21T10:00:01.000Z', message: 'a', stream: 'stdout', 'attrs.tag': 'ä' },
      { message: 'broken' },
    ])
  })

  test('parts are put together up to a limit, and end when nothing follows', () => {
    const text = Array.from({ length: 5 }, () => cri(1, `stdout P ${'x'.repeat(100)}`)).join('\n')
    const { events } = interpret(text, { format: 'cri', limits: { lineBytesMax: 250 } })
    expect(events.map((event) => event.message.length)).toEqual([300, 200])
  })

  test('the settled offset is where the line begins that is being put together', () => {
    const interpreter = createLineInterpreter({
      format: 'cri',
      tools: testTools(),
      referenceSeconds: 0,
      defaults: eventDefaults({}),
    })
    const batch = new EventBatch()
    const offsets = ['stdout F a', 'stdout P b', 'stderr F c', 'stdout F d', 'stdout F e'].map((rest, i) => {
      const line = Buffer.from(cri(i, rest))
      interpreter.line(batch, line, 0, line.length, 100 * (i + 1))
      interpreter.forget()
      if (i === 0) interpreter.flush(batch)
      return [batch.rows, interpreter.settledOffset]
    })
    expect(offsets).toEqual([
      [1, 100],
      [1, 100],
      [1, 100],
      [1, 100],
      [1, 100],
    ])
    interpreter.flush(batch)
    expect([batch.rows, interpreter.settledOffset]).toEqual([4, 500])
  })
})

describe('whatever lines contain, in every format', () => {
  const fragment = fc.oneof(
    fc.constantFrom(
      '<34>1 ',
      '2003-10-11T22:14:15.003Z ',
      'Nov 20 15:16:01 ',
      'host ',
      'tag[1]: ',
      '- - - ',
      '[a b="c\\]"]',
      '[a',
    ),
    fc.constantFrom(
      'level=info ',
      'msg="a\\"b" ',
      'x=',
      '"',
      '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / H" 200 1',
    ),
    fc.constantFrom(
      '2026-11-21T10:00:01.5Z stdout P ',
      '2026-11-21T10:00:01.5Z stderr F ',
      '{"log":"',
      '\\n","stream":"stdout","time":"2026-11-21T10:00:01Z"}',
    ),
    fc.constantFrom('\n', '\n', ' ', '}', '{"a":1}', 'word'),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  const text = fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join(''))

  test.each(LINE_FORMATS)('%s: words are kept, and where the reader cuts makes no difference', (format) => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 60 }), (text, chunkBytes) => {
        // Words that are nothing else to any format, one on each line.
        const marked = text.split('\n').map((line, i) => `${line}${line === '' ? '' : ' '}w${i}q`)
        const file = marked.join('\n')
        const { events } = interpret(file, { format })
        const all = events.map((event) => JSON.stringify(told(event))).join('\n')
        for (let i = 0; i < marked.length; i++) expect(all).toContain(`w${i}q`)
        expect(interpret(file, { format, chunkBytes }).events).toEqual(events)
      }),
      { numRuns: 100 },
    )
  })
})

/** What particular programs and libraries write, and files that change in the middle. */
import { describe, expect, test } from 'vitest'
import { formatTimestamp } from '../../core/time.ts'
import { interpret } from './testing/interpret.ts'

const AT = '2026-01-02T03:04:05'
const ERROR = 17
const two = (number: number): string => String(number).padStart(2, '0')

describe('JSON of loggers', () => {
  const cases: [string, string, number, string][] = [
    [`{"@timestamp":"${AT}Z","log.level":"error","message":"a"}`, 'a', ERROR, AT],
    [`{"@timestamp":"${AT}Z","log":{"level":"warn"},"message":"a"}`, 'a', 13, AT],
    [`{"@t":"${AT}Z","@mt":"Hello {User}","@m":"Hello bob","@l":"Error"}`, 'Hello bob', ERROR, AT],
    [`{"@t":"${AT}Z","@mt":"Hello {User}"}`, 'Hello {User}', 0, AT],
    [`{"Timestamp":"${AT}Z","Level":"Warning","MessageTemplate":"t","RenderedMessage":"r"}`, 'r', 13, AT],
    [`{"asctime":"2026-01-02 03:04:05,000","levelname":"ERROR","message":"a"}`, 'a', ERROR, AT],
    [`{"timestamp":"${AT}Z","level":"INFO","fields":{"message":"a","n":1},"target":"t"}`, 'a', 9, AT],
    [`{"t":{"$date":"${AT}.000+00:00"},"s":"W","msg":"a"}`, 'a', 0, AT],
    [`{"date":"${AT}Z","log":"a"}`, 'a', 0, AT],
    // Numbers under short words may be anything.
    [`{"time":"${AT}Z","msg":"first"}\n{"t":12,"date":20260102,"msg":"a"}`, 'a', 0, AT],
    // Without a message of its own the line is it, so that it can be found by what is in it.
    [`{"time":"${AT}Z","action":"login"}`, `{"time":"${AT}Z","action":"login"}`, 0, AT],
    [`{"time":"${AT}Z","a":"\\u00e9"}`, `{"time":"${AT}Z","a":"\\u00e9"}`, 0, AT],
    [`logger=sql t=${AT}.000Z level=error msg="a"\nlogger=sql t=${AT}.000Z level=error msg="a"`, 'a', ERROR, AT],
  ]
  test.each(cases)('%s', (text, message, severity, time) => {
    const last = interpret(text).events.at(-1)
    expect([last?.message, last?.severity]).toEqual([message, severity])
    expect(formatTimestamp(last?.timestampNs ?? 0n)).toBe(`${time}.000Z`)
  })

  test('a trace id is one by any name', () => {
    const [event] = interpret(
      '{"msg":"a","trace.id":"0af7651916cd43dd8448eb211c80319c","span.id":"b7ad6b7169203331"}',
    ).events
    expect([event?.trace_id, event?.span_id]).toEqual(['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'])
  })
})

describe('what nobody has caught is an error, also below a line that is none', () => {
  const head = '2026-01-02 03:04:05'
  const cases: [string, string, string[]][] = [
    ['Java', 'INFO', ['Exception in thread "main" java.lang.Error: x', '\tat a.b(C.java:1)']],
    ['Go', 'INFO', ['panic: x', '', 'goroutine 1 [running]:', 'main.main()', '\t/a.go:8 +0x1d']],
    ['.NET', 'INFO', ['Unhandled exception. System.Exception: x', '   at P.Main()']],
    [
      'Rust',
      'INFO',
      ["thread 'main' panicked at src/main.rs:4:5:", 'index out of bounds', 'note: run with `RUST_BACKTRACE=1`'],
    ],
    ['Ruby', 'ERROR', ["/app/a.rb:3:in `f': nil (NoMethodError)", "\tfrom /app/a.rb:7:in `g'"]],
  ]
  test.each(cases)('%s', (_language, level, trace) => {
    const { events } = interpret([`${head} ${level} a`, ...trace, `${head} INFO b`, ''].join('\n'))
    expect(events.map(({ severity }) => severity)).toEqual([ERROR, 9])
    expect(events[0]?.message.split('\n').filter(Boolean)).toEqual([`${head} ${level} a`, ...trace].filter(Boolean))
  })

  test('a trace below a line with a level is what the line says', () => {
    const { events } = interpret(`${head} WARN a\njava.lang.Error: x\n\tat a.b(C.java:1)\n`)
    expect(events.map(({ severity }) => severity)).toEqual([13])
  })

  test('a trace without any level is an error', () => {
    const { events } = interpret('up\njava.lang.Error: x\n\tat a.b(C.java:1)\non\n')
    expect(events.map(({ severity }) => severity)).toEqual([0, ERROR, 0])
  })
})

test('the console of .NET: a head with the level, and the message below it', () => {
  const text =
    'info: Host[14]\n      Now listening\nfail: App.C[0]\n      bad\n      System.Exception: x\n         at A.B()\nplain\n'
  expect(interpret(text).events.map(({ message, severity }) => [message.split('\n').length, severity])).toEqual([
    [2, 9],
    [4, ERROR],
    [1, 0],
  ])
})

test('an access log with the host in front', () => {
  const line = 'shop.example:443 10.0.0.1 - bob [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 404 1 "-" "x"'
  const { attributes } = interpret(line).events[0] ?? {}
  expect(attributes?.get('http.host')).toBe('shop.example:443')
  expect(attributes?.get('client.address')).toBe('10.0.0.1')
  expect(attributes?.get('http.user')).toBe('bob')
})

describe('a file that changes in the middle', () => {
  const kinds: Record<string, (number: number) => string> = {
    text: (number) => `2026-01-01 03:04:${two(number)} INFO m${number}`,
    clf: (number) => `10.0.0.1 - - [02/Jan/2026:03:04:${two(number)} +0000] "GET /m${number} HTTP/1.1" 200 1 "-" "x"`,
    logfmt: (number) => `level=info ts=2026-01-03T03:04:${two(number)}Z msg=m${number} a=1`,
    syslog: (number) => `Jan  4 03:04:${two(number)} web sshd[1]: m${number}`,
    docker: (number) =>
      JSON.stringify({ log: `m${number}\n`, stream: 'stdout', time: `2026-01-05T03:04:${two(number)}Z` }),
    far: (number) => `a b ${number} 2026-01-06 03:04:${two(number)},000 m${number}`,
  }
  const LINES = 40
  const names = Object.keys(kinds)
  const pairs = names.flatMap((from) =>
    names.filter((to) => to !== from && to !== 'docker').map((to) => [from, to] as const),
  )
  test.each(pairs)('from %s to %s', (from, to) => {
    const lines = [from, to].flatMap((name) =>
      Array.from({ length: LINES }, (_, number) => kinds[name]?.(number) ?? ''),
    )
    const { events } = interpret(lines.join('\n'), { referenceSeconds: Date.parse('2026-02-01') / 1000 })
    expect(events).toHaveLength(2 * LINES)
    const alone = interpret(lines.slice(LINES).join('\n'), { referenceSeconds: Date.parse('2026-02-01') / 1000 })
    // After a few lines it is read as if it had never been written otherwise.
    expect(events.slice(-LINES / 2)).toEqual(alone.events.slice(-LINES / 2))
  })
})

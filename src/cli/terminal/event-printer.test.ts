import { expect, test } from 'vitest'
import type { EventJson } from '../../core/event.ts'
import { clockFace } from './clock-face.ts'
import { createEventPrinter, type EventPrinterOptions } from './event-printer.ts'
import { messageFinder } from './highlight.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { displayWidth } from './width.ts'

const EVENT: EventJson = {
  id: '1-n',
  timestamp: '2026-01-05T10:11:12.123456Z',
  received: '2026-01-05T10:11:13.000Z',
  severity: 17,
  level: 'error',
  service: 'billing',
  host: 'web-1',
  source: 'app.log',
  message: 'charge failed',
  trace_id: 'abc',
  span_id: '',
  attributes: { status: '502', note: 'a "b"', empty: '' },
}

async function printer(options: Partial<EventPrinterOptions> & { query?: string; env?: Record<string, string> } = {}) {
  return createEventPrinter({
    colors: memoryTerminal({ env: options.env ?? {} }).out.colors,
    clock: clockFace(true),
    columns: 80,
    isWide: false,
    find: await messageFinder(options.query ?? ''),
    ...options,
  })
}

test('on a terminal: a line per day, then time, level, service, message and attributes', async () => {
  const { print } = await printer()
  expect(print(EVENT)).toBe(
    [
      `── Mon 2026-01-05 ${'─'.repeat(42)}`,
      String.raw`10:11:12.123 error  billing charge failed status=502 note="a \"b\"" empty=""`,
      '',
    ].join('\n'),
  )
  expect(print({ ...EVENT, attributes: {} })).toBe('10:11:12.123 error  billing charge failed\n')
  expect(print({ ...EVENT, timestamp: '2026-01-06T00:00:00Z' })).toContain('── Tue 2026-01-06')
})

test('into a pipe: one line per event, whole times, every byte on it harmless', async () => {
  const { print } = await printer({ columns: undefined })
  const message = 'a\nb\tc\u001b[2Jd\r\n'
  expect(print({ ...EVENT, message, attributes: {} })).toBe(
    '2026-01-05T10:11:12.123Z error  billing a\\nb\\tc\\x1b[2Jd\n',
  )
})

test('long messages are wrapped under themselves, newlines begin a line', async () => {
  const { print } = await printer({ columns: 60 })
  print(EVENT)
  const text = print({ ...EVENT, message: `${'word '.repeat(20)}end\n\tat charge (x.js:1)`, attributes: { a: '1' } })
  const [first = '', ...rest] = text.slice(0, -1).split('\n')
  const indent = first.indexOf('word')
  expect(rest.length).toBeGreaterThan(2)
  for (const line of rest) expect(line.startsWith(' '.repeat(indent))).toBe(true)
  for (const line of [first, ...rest]) expect(displayWidth(line)).toBeLessThanOrEqual(60)
  expect(text).toContain(`${' '.repeat(indent)}    at charge (x.js:1) a=1\n`)
})

test('a log line cannot pretend to be another one', async () => {
  const { print } = await printer()
  print(EVENT)
  const lines = print({ ...EVENT, message: 'x\n10:11:12.124 error  billing fake' }).split('\n')
  expect(lines.filter((line) => /^\d\d:/.test(line))).toHaveLength(1)
})

test('very long events are cut, and said to be, unless all is asked for', async () => {
  const message = Array.from({ length: 50 }, (_, line) => `line ${line}`).join('\n')
  const cut = (await printer()).print({ ...EVENT, message })
  expect(cut.split('\n')).toHaveLength(1 + 11 + 1 + 1)
  expect(cut).toContain('39 more lines')
  const whole = (await printer({ isWide: true })).print({ ...EVENT, message })
  expect(whole).toContain(String.raw`line 48\nline 49 host=web-1 source=app.log trace_id=abc status=502`)
})

test('what the server keeps for itself is shown where everything is', async () => {
  const event = { ...EVENT, attributes: { a: '1', 'agent.delivery': 'x/1' } }
  expect((await printer()).print(event)).toMatch(/charge failed a=1\n$/)
  expect((await printer({ isWide: true })).print(event)).toContain('a=1 agent.delivery=x/1')
})

test('services share a column that is as wide as it has to be', async () => {
  const { print, prepare } = await printer()
  prepare([{ ...EVENT, service: 'a-very-long-service-name-indeed' }])
  const [, first = ''] = print(EVENT).split('\n')
  expect(first.indexOf('charge')).toBe(12 + 1 + 7 + 20 + 1)
  expect(print({ ...EVENT, service: 'a-very-long-service-name-indeed' })).toContain('a-very-long-service… charge')
})

test('matches and levels are coloured, and only with colours', async () => {
  const coloured = (await printer({ query: 'FAILED', env: { FORCE_COLOR: '1' } })).print(EVENT)
  expect(coloured).toContain('\u001b[1m\u001b[30m\u001b[43mfailed\u001b[49m')
  expect(coloured).toContain('\u001b[31merror \u001b[39m')
  expect((await printer({ query: 'FAILED' })).print(EVENT)).not.toContain('\u001b')
})

test('an event with only some fields', async () => {
  const { print } = await printer()
  expect(print({ service: 'billing', host: 'web-1' })).toBe('billing host=web-1\n')
  const odd = { message: 'hello', took: '12ms' }
  expect(print(odd)).toBe(`${' '.repeat(8)}hello took=12ms\n`.trimStart())
  expect(print({})).toBe('\n')
})

test('a narrow terminal still shows everything', async () => {
  const { print } = await printer({ columns: 30 })
  const text = print(EVENT)
  for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(30)
  expect(text.replaceAll(/\s+/g, ' ')).toContain('charge failed status=502')
})

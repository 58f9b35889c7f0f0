/** Text out of logs, in every place where a command shows it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerJson, readBody, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { runProgram } from '../program.ts'

/** Clears the screen, sets the title, asks the terminal for an answer, by C0 and by C1; turns the order; hides. */
const HOSTILE =
  '\u001b[2J\u001b]0;evil\u0007\u009b6n\u0090q\u009c\u202eevil\u2066\u200f\u0008\u007f\u2028\ufeff\u{e0041}'
/** What no terminal may get but for newlines (and tabs of CSV). */
const OBEYED = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]/u

const EVENT = {
  id: `1-${HOSTILE}`,
  timestamp: `2026-01-05T10:11:12.000Z`,
  received: '2026-01-05T10:11:12.000Z',
  severity: 17,
  level: `error${HOSTILE}`,
  service: HOSTILE,
  host: HOSTILE,
  source: HOSTILE,
  message: `a ${HOSTILE}\nb\r\n${HOSTILE}`,
  trace_id: HOSTILE,
  span_id: HOSTILE,
  attributes: { [HOSTILE]: HOSTILE, plain: `${HOSTILE} "x"` },
  [`other${HOSTILE}`]: { deep: HOSTILE },
}
const TABLE = { columns: [{ name: HOSTILE, type: 'text' }], rows: [[HOSTILE], [{ deep: HOSTILE }]] }
const LINE = `${JSON.stringify(EVENT)}\n`
const CSV = `id,message\r\n1,"${HOSTILE}"\r\n2,"${HOSTILE}`

/** What the server answers to everything, and who asks for one event gets. */
let answer: { status?: number; type?: string; body: string; one?: string }
let server: TinyServer
beforeEach(async () => {
  server = await startTinyServer(async (request, response) => {
    if (request.url === '/healthz') return answerJson(response, {})
    const asked = await readBody(request)
    if (answer.one !== undefined && asked.includes('"limit":1,')) return void response.end(answer.one)
    response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'application/json' }).end(answer.body)
  })
})
afterEach(() => server.close())

async function run(args: string[], columns?: number) {
  const env = { NO_COLOR: '1', TAILRACE_URL: server.url }
  const stdin = [Buffer.from('x\n')]
  const terminal = memoryTerminal({ env, stdin, ...(columns === undefined ? {} : { columns }) })
  const code = await runProgram(args, terminal)
  return { code, out: terminal.outText(), err: terminal.errText() }
}

const withStats = (body: object) =>
  JSON.stringify({ ...body, cursor: null, stats: { elapsedMs: 1, rowsRead: 1, bytesRead: 1 } })
const stream = (text: string) =>
  `event: log\nid: 1\ndata: ${text.trimEnd()}\n\nevent: failure\ndata: ${JSON.stringify({ status: 500, detail: HOSTILE })}\n\n`
const problem = { code: `X${HOSTILE}`, detail: HOSTILE, hint: `${HOSTILE}\n${HOSTILE}` }
const mistake = { problems: [{ code: 'X', message: HOSTILE, hint: HOSTILE, from: 2, to: 4 }] }

test('the text of these tests is obeyed where it is not escaped', () => {
  expect(OBEYED.test(LINE)).toBe(true)
  expect(OBEYED.test(JSON.stringify(TABLE))).toBe(true)
})

describe.each([undefined, 80])('nothing is obeyed on a terminal of %s columns:', (columns) => {
  test.each<[name: string, args: string[], answer: typeof answer]>([
    ['events', ['query', 'a'], { body: withStats({ events: [EVENT] }) }],
    ['events with everything', ['query', 'a', '--wide'], { body: withStats({ events: [EVENT] }) }],
    ['events with a time that is none', ['query'], { body: withStats({ events: [{ ...EVENT, timestamp: HOSTILE }] }) }],
    ['a table', ['query', '* | x'], { body: withStats(TABLE) }],
    [
      'nothing but a far event',
      ['query', 'a'],
      {
        body: withStats({ events: [] }),
        one: withStats({ events: [{ ...EVENT, timestamp: HOSTILE }] }),
      },
    ],
    ['a problem', ['query'], { status: 500, type: 'application/problem+json', body: JSON.stringify(problem) }],
    ['a mistake', ['query', `a${HOSTILE}`], { status: 400, body: JSON.stringify(mistake) }],
    ['another server', ['query'], { type: `text/x`, body: HOSTILE }],
    ['a tail', ['tail', 'a'], { type: 'text/event-stream', body: stream(LINE) }],
    ['a refused line', ['send'], { body: JSON.stringify({ accepted: 0, rejected: [{ line: 1, reason: HOSTILE }] }) }],
  ])('%s', async (_name, args, given) => {
    answer = given
    const { out, err } = await run(args, columns)
    expect(out + err).not.toBe('')
    expect(out).not.toMatch(OBEYED)
    expect(err).not.toMatch(OBEYED)
  })
})

describe.each<[name: string, args: string[], given: () => typeof answer, piped: string]>([
  ['json', ['query', '--format', 'json'], () => ({ body: withStats({ events: [EVENT] }) }), JSON.stringify(EVENT)],
  ['json of a table', ['query', '--format', 'json'], () => ({ body: withStats(TABLE) }), JSON.stringify(TABLE.rows[0])],
  ['ndjson', ['query', '--format', 'ndjson'], () => ({ body: LINE + LINE }), LINE + LINE],
  [
    'ndjson that ends without a newline',
    ['query', '--format', 'ndjson'],
    () => ({ body: LINE.trimEnd() }),
    LINE.trimEnd(),
  ],
  ['csv that ends without a newline', ['query', '--format', 'csv'], () => ({ type: 'text/csv', body: CSV }), CSV],
  ['a tail', ['tail', '--format', 'json'], () => ({ type: 'text/event-stream', body: stream(LINE) }), LINE],
])('%s', (name, args, given, piped) => {
  test('is escaped on a terminal, and means the same', async () => {
    answer = given()
    const { out } = await run(args, 80)
    expect(out).not.toBe('')
    expect(out).not.toMatch(OBEYED)
    if (name !== 'csv that ends without a newline' && !name.startsWith('json')) {
      const lines = out.trimEnd().split('\n')
      expect(lines.map((line): unknown => JSON.parse(line))).toEqual(lines.map(() => EVENT))
    }
    if (name === 'json') expect(JSON.parse(out)).toMatchObject({ events: [EVENT] })
    if (name === 'json of a table') expect(JSON.parse(out)).toMatchObject(TABLE)
  })

  test('keeps every byte in a pipe', async () => {
    answer = given()
    expect((await run(args)).out).toContain(piped)
  })
})

test('an ndjson answer that fails in its last line says so, even without a newline', async () => {
  answer = { body: `${LINE}{"error":{"status":500,"code":"STORE_FAILED","detail":"the store broke"}}` }
  expect(await run(['query', '--format', 'ndjson'])).toEqual({
    code: 1,
    out: LINE,
    err: 'error the store broke (STORE_FAILED)\n',
  })
})

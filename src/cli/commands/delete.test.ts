import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { answerJson, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'
import { runProgram } from '../program.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'

let server: TinyServer
let asked: string[]
let count: number
let state: string
beforeEach(async () => {
  asked = []
  count = 1234
  state = 'done'
  server = await startTinyServer((request, response) => {
    const { searchParams, pathname } = new URL(request.url ?? '', 'http://here')
    asked.push(
      `${request.method} ${pathname} ${[...searchParams].map(([name, value]) => `${name}=${value}`).join('&')}`,
    )
    const isDryRun = searchParams.get('dry_run') === 'true'
    answerJson(response, { deleted: count, state: isDryRun ? 'counted' : state, before: '2026-01-05T00:00:00.000Z' })
  })
})
afterEach(() => server.close())

async function run(args: string[], typed?: string) {
  const stdin = Object.assign(Readable.from([Buffer.from(typed ?? '')]), { isTTY: typed !== undefined })
  const env = { NO_COLOR: '1', TAILRACE_URL: server.url }
  const terminal = memoryTerminal({ env, stdin, ...(typed === undefined ? {} : { columns: 80 }) })
  const code = await runProgram(['delete', ...args], terminal)
  return { code, out: terminal.outText(), err: terminal.errText() }
}

const COUNTED = 'DELETE /api/v1/eventlog q=level:debug&before=2026-01-05T00:00Z&dry_run=true'
const DELETED = 'DELETE /api/v1/eventlog q=level:debug&before=2026-01-05T00:00:00.000Z'
const ARGS = ['level:debug', '--before', '2026-01-05T00:00Z']

test('counts, asks, deletes what was counted', async () => {
  const { code, out, err } = await run(ARGS, 'yes\n')
  expect({ code, out }).toEqual({ code: 0, out: '1,234 events deleted\n' })
  expect(err).toContain('Delete 1,234 events before 2026-01-05T00:00:00.000Z for good? Type yes: ')
  expect(asked).toEqual([COUNTED, DELETED])
})

test.each(['no\n', '\n', '', 'y\n'])('%j is no yes', async (typed) => {
  expect(await run(ARGS, typed)).toMatchObject({ code: 1, out: '' })
  expect(asked).toEqual([COUNTED])
})

test('without anybody to ask only with --yes', async () => {
  const refused = await run(ARGS)
  expect(refused.code).toBe(2)
  expect(refused.err).toContain('--yes')
  expect(asked).toEqual([])
  state = 'running'
  const { code, out } = await run([...ARGS, '--yes'])
  expect({ code, out }).toEqual({ code: 0, out: '1,234 events are being deleted; the server goes on with it\n' })
  expect(asked).toEqual([COUNTED, DELETED])
})

test('--dry-run only counts, and nothing found asks nothing', async () => {
  expect(await run([...ARGS, '--dry-run'])).toMatchObject({ code: 0, out: expect.stringContaining('1,234 events') })
  count = 0
  expect(await run(ARGS, '')).toMatchObject({ code: 0, out: '0 events before 2026-01-05T00:00:00.000Z\n' })
  expect(asked).toEqual([COUNTED, COUNTED])
})

test.each([[['level:debug']], [['--before', '1d']], [['*', '--before', 'soon']]])('%j is refused', async (args) => {
  expect((await run([...args, '--yes'])).code).toBe(2)
  expect(asked).toEqual([])
})

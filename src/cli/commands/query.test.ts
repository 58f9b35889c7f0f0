import { afterEach, describe, expect, test } from 'vitest'
import { answerJson, readBody, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'
import { runProgram } from '../program.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'

let server: TinyServer
afterEach(() => server.close())

const NEWEST = { timestamp: '2026-01-05T10:11:12.000Z', service: 'shop' }

describe('ndjson of a query that nothing matches', () => {
  test.each([
    ['somebody at a terminal is told', 80, /^Nothing matches\. .*service shop\.\n$/],
    ['a program gets nothing', undefined, /^$/],
  ])('%s', async (_name, columns, said) => {
    server = await startTinyServer(async (request, response) => {
      if (request.url === '/api/v1/session') return answerJson(response, { open: true })
      const { format, query } = JSON.parse(await readBody(request)) as { format?: string; query?: string }
      if (format === 'ndjson') response.end()
      else answerJson(response, { events: query === undefined ? [NEWEST] : [], cursor: null })
    })
    const env = { TAILRACE_URL: server.url, NO_COLOR: '1' }
    const terminal = memoryTerminal({ env, ...(columns === undefined ? {} : { columns }) })
    expect(await runProgram(['query', 'timeout', '--format', 'ndjson'], terminal)).toBe(0)
    expect(terminal.outText()).toBe('')
    expect(terminal.errText()).toMatch(said)
  })
})

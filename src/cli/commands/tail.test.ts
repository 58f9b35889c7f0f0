import { afterEach, expect, test } from 'vitest'
import { answerJson, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'
import { runProgram } from '../program.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'

let server: TinyServer
afterEach(() => server.close())

test('a tail that has no place yet has lost no connection', async () => {
  let requests = 0
  const detail = '1 tail is open with this key, which is the limit.'
  server = await startTinyServer((_request, response) => {
    if (requests++ === 0)
      return answerJson(response, { code: 'TOO_MANY_REQUESTS', detail }, 429, { 'retry-after': '0' })
    answerJson(response, { code: 'KEY_REFUSED', detail: 'over' }, 401)
  })
  const terminal = memoryTerminal({ env: { TAILRACE_URL: server.url } })
  expect(await runProgram(['tail'], terminal)).toBe(1)
  const [first] = terminal.errText().split('\n')
  expect(first).toBe(`The server does not take another tail now (${detail}); trying again`)
})

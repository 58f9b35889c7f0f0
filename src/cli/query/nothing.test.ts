import { afterEach, expect, test } from 'vitest'
import { createHttpClient } from '../../client/http-client.ts'
import { answerJson, readBody, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'
import { clockFace } from '../terminal/clock-face.ts'
import { describeNothing } from './nothing.ts'

let server: TinyServer
afterEach(() => server.close())

const EVENT = { timestamp: '2026-01-05T10:11:12.000Z', service: 'shop' }
const WHO = { open: false, by: 'key', role: 'read' }

test.each([
  ['levl:error', 'No frequent field is called levl; did you mean level?'],
  ['service:shop -(statu:500 OR timeout)', 'No frequent field is called statu; did you mean status?'],
  ['level:error', ''],
  ['msg:timeout', ''],
  ['"levl:" /statu:/ timeout', ''],
  ['timeout | where statu:500', ''],
  ['colour:red', ''],
])('%s, of which there is nothing', async (query, said) => {
  server = await startTinyServer(async (request, response) => {
    if (request.url === '/api/v1/session') return answerJson(response, { open: true })
    if (request.url?.startsWith('/api/v1/fields?')) {
      return answerJson(response, { fields: ['level', 'service', 'status'].map((name) => ({ name })) })
    }
    const asked = JSON.parse(await readBody(request)) as { query?: string }
    answerJson(response, { events: asked.query === undefined ? [EVENT] : [], cursor: null })
  })
  const client = createHttpClient({ url: server.url })
  const text = await describeNothing(client, { query }, clockFace(true))
  expect(text).toMatch(/^Nothing matches\. .*The newest event of all is/)
  expect(/No frequent[^?]*\?/.exec(text)?.[0] ?? '').toBe(said)
  client.close()
})

test.each<[who: string, session: object | undefined, events: object[], said: RegExp]>([
  ['nobody is asked for a key', { open: true, by: 'open' }, [], /^The server has no events yet\. `tailrace demo`/],
  ['a key without a filter', { ...WHO, filter: '' }, [], /^The server has no events yet\./],
  [
    'a key with a filter',
    { ...WHO, filter: 'service:x' },
    [],
    /^There are no events that this key.*matches service:x$/,
  ],
  ['a server that does not tell', undefined, [], /^There are no events that may be read here\.$/],
  [
    'a key without a filter',
    { ...WHO, filter: '' },
    [EVENT],
    /^Nothing matches\. The newest event of all is .*, service shop/,
  ],
  [
    'a key with a filter',
    { ...WHO, filter: 'service:shop' },
    [EVENT],
    /^Nothing matches\. The newest event that may be read here is/,
  ],
])('%s', async (_who, session, events, said) => {
  server = await startTinyServer(async (request, response) => {
    if (request.url === '/api/v1/session') {
      return session ? answerJson(response, session) : answerJson(response, { code: 'NOT_FOUND' }, 404)
    }
    const { query } = JSON.parse(await readBody(request)) as { query?: string }
    answerJson(response, { events: query === undefined ? events : [], cursor: null })
  })
  const client = createHttpClient({ url: server.url })
  expect(await describeNothing(client, { query: 'timeout' }, clockFace(true))).toMatch(said)
  client.close()
})

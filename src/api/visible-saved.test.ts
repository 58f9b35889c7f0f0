/** What is saved may name what a filter hides: a key with a filter sees what was saved with it, and nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKeyedApi, type KeyedAnswer, type KeyedApi } from './testing/keyed-api.ts'
import { SAVED_REQUESTS } from './testing/saved-requests.ts'

const HIDDEN = 'osprey'

let api: KeyedApi
let everything: string
let filtered: string
const ids: Record<string, string> = {}
beforeAll(async () => {
  api = await openKeyedApi()
  everything = await api.key({ role: 'read', name: HIDDEN })
  filtered = await api.key({ role: 'read', name: 'some', filter: 'tenant:a' })
  const saved = { name: HIDDEN, query: HIDDEN, start: '', columns: [HIDDEN] }
  for (const [path, body] of [
    ['/api/v1/searches', saved],
    ['/api/v1/shares', { address: `/?q=${HIDDEN}` }],
  ] as const) {
    ids[path] = ((await api.ask('POST', path, { key: everything, body })).json() as { id: string }).id
  }
})
afterAll(() => api.close())

const methodOf = (route: string): string => route.split(' ')[0] ?? ''
/** Head and body, without what differs each time. */
const answerOf = ({ status, text, headers }: KeyedAnswer): string =>
  JSON.stringify([status, text, [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')])

test('whoever reads everything sees it', async () => {
  expect((await api.ask('GET', '/api/v1/searches', { key: everything })).text).toContain(HIDDEN)
  expect((await api.ask('GET', '/api/v1/shares', { key: everything })).text).toContain(HIDDEN)
})

const REQUESTS = SAVED_REQUESTS.map(([route, path, body]) => ({ route, path, body }))

test.each(REQUESTS)('$route shows a key with a filter nothing of others', async ({ route, path, body }) => {
  const options = { key: filtered, ...(body && { body }) }
  const answer = await api.ask(methodOf(route), path, options)
  expect(answer.status).toBeLessThan(500)
  expect(answerOf(answer)).not.toContain(HIDDEN)
  // Given the id, it is found no more than what never was; but for a view, whose id is what lets one in.
  const list = /^(.*)\/none$/.exec(path)?.[1] ?? ''
  if (list === '' || route === 'GET /api/v1/shares/:id') return
  const found = await api.ask(methodOf(route), `${list}/${ids[list]}`, options)
  expect(answerOf(found)).toBe(answerOf(answer))
  expect(found.status).toBe(404)
})

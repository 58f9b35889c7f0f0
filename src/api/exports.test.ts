import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { AuditRecord } from '../core/audit.ts'
import type { EventJson } from '../core/event.ts'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { openApi, quietContext, type OpenApiServer } from './testing/open-api.ts'
import { testPrincipal, wordAccess } from './testing/word-access.ts'

const PATIENCE = { timeout: 20_000 }
const NS = 1_767_225_600_000_000_000n
const RESULT_BYTES_MAX = 3_000_000
const LARGE = 100_000
/** Newest first: many small events, then large ones, then small ones. */
const SIZES = [...Array<number>(500).fill(10), ...Array<number>(100).fill(LARGE), ...Array<number>(2000).fill(10)]

let temporary: TemporaryStore
beforeAll(async () => {
  temporary = await openTemporaryStore({ retention: { ageMs: 0 }, limits: { resultBytesMax: RESULT_BYTES_MAX } })
  const events = SIZES.toReversed().map((size, n) => ({
    timestampNs: NS + BigInt(n) * 1_000_000n,
    message: 'x'.repeat(size),
    attributes: new Map([['n', String(n)]]),
  }))
  await loadBatch(temporary.store, stampedBatch(events, NS), 'n1')
})
afterAll(() => temporary.remove())

let server: OpenApiServer
afterEach(() => server.close())

describe('very large events', () => {
  test('come in smaller pieces, each once and in order', async () => {
    server = await openApi(quietContext({ store: temporary.store }))
    const all = SIZES.map((_, n) => SIZES.length - 1 - n)
    const ndjson = await (await fetch(`${server.url}/api/v1/query?limit=100000&format=ndjson`)).text()
    const numbers = ndjson
      .trimEnd()
      .split('\n')
      .map((line) => Number((JSON.parse(line) as EventJson).attributes['n']))
    expect(numbers).toEqual(all)
    const csv = await (await fetch(`${server.url}/api/v1/query?limit=100000&format=csv&order=asc`)).text()
    expect(csv.match(/""n"":""(\d+)""/g)).toEqual(all.toReversed().map((n) => `""n"":""${n}""`))
  })

  test('are refused where they cannot be cut into pieces', async () => {
    server = await openApi(quietContext({ store: temporary.store }))
    const query = encodeURIComponent('* | sort by n')
    const answer = await fetch(`${server.url}/api/v1/query?limit=100000&format=ndjson&query=${query}`)
    expect(await answer.json()).toMatchObject({ status: 413, code: 'QUERY_TOO_COSTLY' })
  })
})

const askAsAnn = (path: string, method = 'GET'): Promise<Response> =>
  fetch(server.url + path, { method, headers: { authorization: 'Bearer ann' } })

let release: (() => void) | undefined

describe('the audit trail', () => {
  const records: AuditRecord[] = []
  const ann = testPrincipal({ filter: 'message:x' })
  const start = async (): Promise<void> => {
    records.length = 0
    const audit = (record: AuditRecord): Promise<void> => {
      records.push(record)
      return new Promise((resolve) => (release = resolve))
    }
    server = await openApi(quietContext({ store: temporary.store, audit }), { access: wordAccess({ ann }) })
  }
  test.each(['ndjson', 'csv'])('has every %s answer before its first byte leaves', async (format) => {
    await start()
    const query = '* | fields message'
    let isAnswered = false
    const path = `/api/v1/query?format=${format}&limit=5&start=-1h&end=now&query=${encodeURIComponent(query)}`
    const answer = askAsAnn(path).finally(() => (isAnswered = true))
    await vi.waitUntil(() => records.length > 0, PATIENCE)
    // Time enough for whatever does not wait.
    await fetch(`${server.url}/healthz`)
    expect(isAnswered).toBe(false)
    release?.()
    expect((await answer).status).toBe(200)
    const details = { format, limit: '5', start: '-1h', end: 'now', query, filter: 'message:x' }
    expect(records).toEqual([{ action: 'events.exported', principal: ann, address: '127.0.0.1', details }])
  })

  test('has neither answers for a screen nor what failed', async () => {
    await start()
    for (const [path, method] of [
      ['/api/v1/query?limit=5', 'GET'],
      ['/api/v1/query?format=ndjson', 'HEAD'],
      ['/api/v1/query?format=csv&query=(', 'GET'],
      ['/api/v1/query?format=csv&limit=100000&query=*%20|%20sort%20by%20n', 'GET'],
    ] as const) {
      await askAsAnn(path, method)
    }
    expect(records).toEqual([])
  })
})

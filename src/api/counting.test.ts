import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadBatch, openTemporaryStore, stampedBatch, type TemporaryStore } from '../store/testing/temporary-store.ts'
import { openApi, quietContext, type OpenApiServer } from './testing/open-api.ts'

const T0 = 1_767_225_600_000_000_000n
const MINUTE = 60_000_000_000n
const HOSTS = 15

let temporary: TemporaryStore
let server: OpenApiServer

beforeAll(async () => {
  temporary = await openTemporaryStore()
  server = await openApi(quietContext({ store: temporary.store }))
})
afterAll(async () => {
  await server.close()
  await temporary.remove()
})

async function ask<T>(path: string, init?: RequestInit): Promise<T & { status: number }> {
  const response = await fetch(server.url + path, init)
  return { ...((await response.json()) as T), status: response.status }
}

interface Histogram {
  interval: string
  buckets: { start: string; total: number; by: Record<string, number>; other?: number }[]
  code: string
}
interface Values {
  values: { value: string; count: number }[]
  fields: { name: string; count: number; kind: string }[]
  approximate: boolean
  code: string
}
interface Explanation {
  explanation: string
  problems: unknown[]
  sql?: string
}

function explain(body: object): Promise<Explanation & { status: number }> {
  const headers = { 'content-type': 'application/json' }
  return ask('/api/v1/query/explain', { method: 'POST', headers, body: JSON.stringify(body) })
}

test.each(['constructor', '__proto__', 'toString'])('%s is an attribute like any other', async (name) => {
  expect(await ask(`/api/v1/fields/${name}/values`)).toMatchObject({ status: 200, field: name, values: [] })
  expect(await ask(`/api/v1/histogram?by=${name}`)).toMatchObject({ status: 200, buckets: [] })
})

test('an empty store has no buckets, fields or values', async () => {
  expect(await ask('/api/v1/histogram')).toMatchObject({ status: 200, buckets: [] })
  expect(await ask('/api/v1/fields')).toMatchObject({ status: 200, fields: [] })
  expect(await ask('/api/v1/fields/service/values')).toMatchObject({ status: 200, values: [] })
})

describe('counting', () => {
  beforeAll(async () => {
    // One event a minute for two hours; then nothing for an hour; then one more.
    const events = Array.from({ length: 120 }, (_, n) => ({
      timestampNs: T0 + BigInt(n) * MINUTE,
      severity: n % 10 === 0 ? 17 : 9,
      service: n % 2 === 0 ? 'Shop' : 'mail',
      host: `h${n % HOSTS}`,
      message: n === 5 ? 'rare thing' : 'usual',
      trace_id: n < 3 ? `t${n}` : '',
      attributes: new Map(n % 4 === 0 ? [['status', String(200 + (n % 3))]] : []),
    }))
    const last = { timestampNs: T0 + 180n * MINUTE, severity: 9, service: 'Shop', host: 'h1', message: 'usual' }
    await loadBatch(temporary.store, stampedBatch([...events, last], T0 + 200n * MINUTE), 'n1')
  })

  describe('histogram', () => {
    test('covers all events when nothing is said, filled with zeros', async () => {
      const { interval, buckets } = await ask<Histogram>('/api/v1/histogram?buckets=20')
      expect(interval).toBe('10m')
      const tens = Array.from({ length: 12 }, () => 10)
      expect(buckets.map(({ total }) => total)).toEqual([...tens, 0, 0, 0, 0, 0, 0, 1])
      expect(buckets[0]).toEqual({ start: '2026-01-01T00:00:00.000Z', total: 10, by: { info: 9, error: 1 } })
      expect(buckets[12]).toEqual({ start: '2026-01-01T02:00:00.000Z', total: 0, by: {} })
    })

    test('obeys query, range and interval', async () => {
      const range = 'start=2026-01-01T00:30:00Z&end=2026-01-01T01:30:00Z'
      const { interval, buckets } = await ask<Histogram>(`/api/v1/histogram?query=level:error&${range}&interval=30m`)
      expect(interval).toBe('30m')
      expect(buckets).toEqual([
        { start: '2026-01-01T00:30:00.000Z', total: 3, by: { error: 3 } },
        { start: '2026-01-01T01:00:00.000Z', total: 3, by: { error: 3 } },
      ])
    })

    test('by a field with many values counts the rest together', async () => {
      const { buckets } = await ask<Histogram>('/api/v1/histogram?by=host&interval=12h')
      const [bucket] = buckets
      expect(bucket?.total).toBe(121)
      expect(Object.keys(bucket?.by ?? {})).toHaveLength(10)
      expect(bucket?.by['h1']).toBe(9)
      expect(bucket?.other).toBe((HOSTS - 10) * 8)
    })

    test('by an attribute; absent counts under the empty name', async () => {
      const { buckets } = await ask<Histogram>('/api/v1/histogram?by=status&interval=12h')
      expect(buckets[0]?.by).toEqual({ '': 91, 200: 10, 201: 10, 202: 10 })
    })

    test.each([
      ['interval=1ms', 'REQUEST_INVALID'],
      ['interval=often', 'TIME_INVALID'],
      ['by=timestamp', 'REQUEST_INVALID'],
      ['query=a%20%7C%20nonsense', 'QUERY_INVALID'],
      ['buckets=0', 'REQUEST_INVALID'],
    ])('%s is refused', async (parameters, code) => {
      expect(await ask(`/api/v1/histogram?${parameters}`)).toMatchObject({ status: 400, code })
    })
  })

  describe('fields', () => {
    test('names with counts', async () => {
      const { fields } = await ask<Values>('/api/v1/fields')
      expect(fields).toContainEqual({ name: 'status', count: 30, kind: 'attribute' })
      expect(fields).toContainEqual({ name: 'service', count: 121, kind: 'field' })
      expect(fields).toContainEqual({ name: 'trace_id', count: 3, kind: 'field' })
    })

    test.each<[string, string, Record<string, number>]>([
      ['service', '', { Shop: 61, mail: 60 }],
      ['facility', 'prefix=sh', { Shop: 61 }],
      ['status', 'limit=1', { 200: 10 }],
      ['level', '', { info: 109, error: 12 }],
      ['severity', 'query=rare', { info: 1 }],
      ['trace_id', '', { t0: 1, t1: 1, t2: 1 }],
      ['message', 'query=rare', { 'rare thing': 1 }],
      ['status', 'query=level:error%20service:shop&prefix=20', { 200: 2, 201: 2, 202: 2 }],
      ['service', 'query=usual&end=2026-01-01T00:10:00Z', { Shop: 5, mail: 4 }],
      ['nobody', '', {}],
    ])('values of %s, %s', async (name, parameters, expected) => {
      const { values } = await ask<Values>(`/api/v1/fields/${name}/values?${parameters}`)
      expect(Object.fromEntries(values.map(({ value, count }) => [value, count]))).toEqual(expected)
    })

    test('the most frequent come first', async () => {
      const { values } = await ask<Values>('/api/v1/fields/level/values')
      expect(values.map(({ value }) => value)).toEqual(['info', 'error'])
    })

    test('counts say whether they are exact', async () => {
      expect((await ask<Values>('/api/v1/fields/service/values')).approximate).toBe(true)
      expect((await ask<Values>('/api/v1/fields/service/values?query=usual')).approximate).toBe(false)
    })

    test('a hostile name is only a name', async () => {
      const name = encodeURIComponent(`x') OR 1=1 --`)
      expect(await ask(`/api/v1/fields/${name}/values?query=usual`)).toMatchObject({ status: 200, values: [] })
      const { buckets } = await ask<Histogram>(`/api/v1/histogram?by=${name}&interval=12h`)
      expect(buckets[0]?.by).toEqual({ '': 121 })
    })
  })
})

describe('explain', () => {
  test('in English and SQL', async () => {
    const answer = await explain({ query: 'level:>=warn reset', start: '-1h' })
    expect(answer).toMatchObject({ status: 200, problems: [] })
    expect(answer.explanation).toContain('warn')
    expect(answer.sql).toContain('FROM events')
    expect(answer.sql).not.toContain('reset')
  })

  test('mistakes are the answer', async () => {
    expect(await explain({ query: 'a | nonsense' })).toMatchObject({
      status: 200,
      explanation: '',
      problems: [{ code: 'QUERY_UNKNOWN_PIPE', from: 4, to: 12 }],
    })
    expect(await explain({ query: 'a | stats count()', target: 'tail' })).toMatchObject({
      problems: [{ code: 'QUERY_PIPE_NOT_ALLOWED' }],
    })
  })

  test('a body without a query is refused', async () => {
    expect(await explain({})).toMatchObject({ status: 400, code: 'REQUEST_INVALID' })
  })
})

import { expect, test } from 'vitest'
import { count, ingest, query, settled } from './harness/http.ts'
import { startServer } from './harness/server.ts'

const DAYS = 10_000
const DAY_MS = 86_400_000
const FIRST_MS = Date.UTC(1996, 0, 1, 12)

test('events of ten thousand different days in one body', async () => {
  const server = await startServer()
  const events = Array.from({ length: DAYS }, (_, day) => ({
    timestamp: new Date(FIRST_MS + day * DAY_MS).toISOString(),
    service: 'archive',
    message: `day ${day}`,
  }))
  const { status, json } = await ingest(server.url, events)
  expect([status, json]).toMatchObject([200, { accepted: DAYS, rejected: [] }])
  expect((await settled(server.url)).quarantinedFiles).toBe(0)
  expect(await count(server.url, 'service:archive')).toBe(DAYS)

  const newest = await query(server.url, 'service:archive', 3)
  expect(newest.events.map((event) => event['message'])).toEqual(
    [DAYS - 1, DAYS - 2, DAYS - 3].map((day) => `day ${day}`),
  )
  const day = new Date(FIRST_MS + 4321 * DAY_MS).toISOString().slice(0, 10)
  const one = await query(server.url, `service:archive time:${day}T00:00:00Z..${day}T23:59:59Z`)
  expect(one.events.map((event) => event['message'])).toEqual(['day 4321'])
  await server.stop()
})

import { afterEach, expect, test } from 'vitest'
import type { Patience } from '../../client/backoff.ts'
import { createHttpClient } from '../../client/http-client.ts'
import { answerJson, startTinyServer, type TinyServer } from '../../client/testing/tiny-server.ts'
import { deliver } from './delivery.ts'
import type { LineBatch } from './input-batches.ts'

const BATCH: LineBatch = {
  contentType: 'text/plain',
  pieces: [Buffer.from('an event\n')],
  bytes: 9,
  lines: 1,
  events: 1,
  firstLine: 1,
}

let server: TinyServer | undefined
afterEach(() => server?.close())

test.each<[what: string, scheme: string, statuses: number[], waits: number]>([
  ['a busy server', 'http', [503, 429, 200], 2],
  ['one that speaks no TLS', 'https', [200], 0],
  ['one that refuses', 'http', [403, 200], 0],
])('%s: tried again only if that can help', async (_what, scheme, statuses, waits) => {
  let requests = 0
  server = await startTinyServer((_request, response) => {
    const status = statuses[requests++] ?? 500
    answerJson(response, { accepted: 1, rejected: [], rejectedTotal: 0, status, code: 'ANY' }, status)
  })
  let waited = 0
  const patience: Patience = { wait: () => Promise.resolve(void waited++), random: () => 0 }
  const client = createHttpClient({ url: server.url.replace('http', scheme) })
  const sent = deliver(client, BATCH, { fields: {}, retryMsMax: 60_000, patience })
  if (waits > 0) expect(await sent).toMatchObject({ accepted: 1 })
  else await expect(sent).rejects.toThrow(/./)
  expect(waited).toBe(waits)
  client.close()
})

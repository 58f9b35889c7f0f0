import { afterEach, describe, expect, test } from 'vitest'
import { loggedUrl } from './http-log.ts'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'

test.each([
  ['/api/v1/query?query=a:b&limit=3', '/api/v1/query?query=a:b&limit=3'],
  ['/?key=S3CR3T', '/?key=***'],
  ['/?a=1&KEY=S3CR3T&b=2', '/?a=1&KEY=***&b=2'],
  ['/?token=S3CR3T;password=S3CR3T', '/?token=***;password=***'],
  ['/?api_key=S3CR3T&accessToken=S3CR3T&client-secret=S3CR3T', '/?api_key=***&accessToken=***&client-secret=***'],
  ['/?%6bey=S3CR3T', '/?%6bey=***'],
  ['/?+key+=S3CR3T', '/?+key+=***'],
  ['/?key[]=S3CR3T&key[a]=S3CR3T', '/?key[]=***&key[a]=***'],
  ['/?key=S3CR3T=S3CR3T?S3CR3T', '/?key=***'],
  ['/?key=a&key=S3CR3T', '/?key=***&key=***'],
  ['/?%ZZ=S3CR3T', '/?%ZZ=***'],
  ['/?keys=1&tokenizer=2', '/?keys=1&tokenizer=2'],
  ['/?key', '/?key'],
  ['http://name:S3CR3T@host/path?key=S3CR3T', 'http://***@host/path?key=***'],
  [`/${'x'.repeat(2000)}`, `/${'x'.repeat(999)}…`],
])('%s is logged as %s', (url, logged) => {
  expect(loggedUrl(url)).toBe(logged)
})

describe('what the server logs when a request fails', () => {
  let server: GuardedServer
  afterEach(() => server.http.close())

  test('bears nothing that lets in', async () => {
    server = await openGuardedServer({ access: undefined as never })
    const secret = 'S3CR3T'
    const response = await fetch(`${server.url}/fails?key=${secret}&a=b`, {
      headers: {
        authorization: `Bearer ${secret}`,
        cookie: `tailrace_session=${secret}`,
        'tailrace-signature': `v1=${secret}`,
      },
    })
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain(secret)
    expect(server.logged).toMatchObject([{ requestId: expect.any(String), method: 'GET', url: '/fails?key=***&a=b' }])
    const texts = server.logged.map((fields) =>
      Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`),
    )
    expect(JSON.stringify([server.logged, texts])).not.toContain(secret)
  })
})

import { afterEach, describe, expect, test } from 'vitest'
import { type GuardedServer, openGuardedServer, TEST_ACCESS } from './testing/guarded-server.ts'

let server: GuardedServer
afterEach(() => server.http.close())

/** What the server takes for the sender's address, and for its own URL. */
async function seen(trustedProxies: string[], headers: Record<string, string>) {
  const addresses: string[] = []
  const access: typeof TEST_ACCESS = {
    isOpen: false,
    identify: (head) => {
      addresses.push(head.address)
      return TEST_ACCESS.identify(head)
    },
  }
  server = await openGuardedServer({ access, trustedProxies }, ({ app }) => {
    app.get('/url', { config: { access: 'public' } }, ({ protocol, host }) => ({ url: `${protocol}://${host}` }))
  })
  const response = await fetch(`${server.url}/url`, { headers })
  const { url } = (await response.json()) as { url: string }
  return { address: addresses.at(-1), url: url.replace(/:\d+$/, '') }
}

describe('where a request comes from', () => {
  const FORWARDED = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'logs.example.org' }
  const own = { address: '127.0.0.1', url: 'http://127.0.0.1' }

  test('what anybody says about it does not count', async () => {
    const headers = { ...FORWARDED, 'x-forwarded-for': '10.0.0.1', forwarded: 'for=10.0.0.1' }
    expect(await seen([], headers)).toEqual(own)
  })

  test('not even if there are trusted proxies and this is none of them', async () => {
    expect(await seen(['10.0.0.0/8'], { ...FORWARDED, 'x-forwarded-for': '10.0.0.1' })).toEqual(own)
  })

  test('what a trusted proxy says counts, and nothing that it was told', async () => {
    const headers = { ...FORWARDED, 'x-forwarded-for': '1.2.3.4, 192.0.2.7, 10.1.2.3' }
    expect(await seen(['127.0.0.0/8', '10.0.0.0/8'], headers)).toEqual({
      address: '192.0.2.7',
      url: 'https://logs.example.org',
    })
  })
})

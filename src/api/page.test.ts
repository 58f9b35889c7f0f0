import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PageFile } from './page.ts'
import { openApi, quietContext, type OpenApiServer } from './testing/open-api.ts'

const file = (type: string, text: string): PageFile => {
  const identity = Buffer.from(text)
  return { type, etag: '"e1"', identity, gzip: gzipSync(identity), br: brotliCompressSync(identity) }
}
const SHELL_TEXT = '<!doctype html><p>the page'
const SCRIPT = 'console.info(1)'

let server: OpenApiServer
beforeAll(async () => {
  server = await openApi(
    quietContext({
      page: new Map([
        ['index.html', file('text/html; charset=utf-8', SHELL_TEXT)],
        ['assets/index-abc.js', file('text/javascript; charset=utf-8', SCRIPT)],
      ]),
    }),
  )
})
afterAll(() => server.close())

interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** As it is on the wire: `fetch` would decompress. */
function ask(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(server.url + path, { headers }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('end', () => {
        const body = Buffer.concat(pieces)
        resolve({ status: response.statusCode ?? 0, headers: response.headers as Record<string, string>, body })
      })
    })
      .on('error', reject)
      .end()
  })
}

describe('the page', () => {
  test.each(['/', '/view/status', '/view/a/b'])('is at %s for a browser', async (path) => {
    const { status, headers, body } = await ask(path, { accept: 'text/html,*/*' })
    expect([status, body.toString()]).toEqual([200, SHELL_TEXT])
    expect(headers['content-type']).toContain('text/html')
    expect(headers['cache-control']).toBe('no-cache')
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(headers['content-security-policy']).not.toMatch(/unsafe|\*|https?:|data:/)
    expect(headers['referrer-policy']).toBe('same-origin')
  })

  test('/ stays a text for everybody else', async () => {
    const { headers, body } = await ask('/', { accept: '*/*' })
    expect(headers['content-type']).toContain('text/plain')
    expect(body.toString()).toContain('the page, in a browser')
    expect(headers['vary']).toContain('accept')
  })

  test.each([
    ['br, gzip', 'br', brotliDecompressSync],
    ['gzip, deflate', 'gzip', gunzipSync],
    ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
    ['', undefined, (body: Buffer) => body],
    ['br;q=0.0', undefined, (body: Buffer) => body],
  ])('its files come as the reader can take them: %j', async (accepted, encoding, decode) => {
    const { headers, body } = await ask('/assets/index-abc.js', { 'accept-encoding': accepted })
    expect(headers['content-encoding']).toBe(encoding)
    expect(decode(body).toString()).toBe(SCRIPT)
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(headers['x-content-type-options']).toBe('nosniff')
    const again = await ask('/assets/index-abc.js', {
      'accept-encoding': accepted,
      'if-none-match': headers['etag'] ?? '',
    })
    expect([again.status, again.body.length]).toEqual([304, 0])
  })

  test.each(['/assets/none.js', '/assets/../package.json', '/assets/%2e%2e/index.html', '/index.html'])(
    'nothing else is served: %s',
    async (path) => expect((await ask(path)).status).toBe(404),
  )
})

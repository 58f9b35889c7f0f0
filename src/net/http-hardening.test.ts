import { afterEach, describe, expect, test } from 'vitest'
import { HARDENING_HEADERS } from './http-hardening.ts'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'

let server: GuardedServer
afterEach(() => server.http.close())

const hardening = (headers: Headers) =>
  Object.fromEntries(Object.keys(HARDENING_HEADERS).map((name) => [name, headers.get(name)]))

describe('every answer says how a browser has to treat it', () => {
  test.each([
    ['an answer', '/public', {}, 200],
    ['no key', '/read', {}, 401],
    ['no route', '/nothing', {}, 404],
    ['not this method', '/public', { method: 'POST', body: 'x' }, 405],
    ['no path', '/%ZZ', {}, 400],
    ['a mistake of ours', '/fails', {}, 500],
  ])('%s', async (_name, path, init, status) => {
    server = await openGuardedServer()
    const response = await fetch(server.url + path, init)
    expect(response.status).toBe(status)
    expect(hardening(response.headers)).toEqual(HARDENING_HEADERS)
    expect(response.headers.has('strict-transport-security')).toBe(false)
    expect(response.headers.has('x-powered-by')).toBe(false)
    await response.text()
  })

  test('what is no HTTP as well', async () => {
    server = await openGuardedServer()
    const text = await server.connect('hello\r\n\r\n').closed()
    for (const [name, value] of Object.entries(HARDENING_HEADERS)) expect(text).toContain(`\r\n${name}: ${value}\r\n`)
  })

  test('a route may have a policy of its own', async () => {
    server = await openGuardedServer({}, ({ app }) => {
      app.get('/page', { config: { access: 'public' } }, (_request, reply) =>
        reply.header('Content-Security-Policy', "default-src 'self'").type('text/html').send('<p>'),
      )
    })
    const response = await fetch(`${server.url}/page`)
    expect(response.headers.get('content-security-policy')).toBe("default-src 'self'")
    expect(response.headers.get('x-frame-options')).toBe('DENY')
    expect(await response.text()).toBe('<p>')
  })

  test('HTTPS only, where the certificate is one that browsers trust', async () => {
    server = await openGuardedServer({ strictTransport: true })
    for (const path of ['/public', '/%ZZ']) {
      const response = await fetch(server.url + path)
      expect(response.headers.get('strict-transport-security')).toBe('max-age=31536000')
      await response.text()
    }
  })
})

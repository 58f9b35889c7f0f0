import { afterEach, describe, expect, test } from 'vitest'
import { AppError } from '../core/errors.ts'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'

let server: GuardedServer
afterEach(() => server.http.close())

const INSIDE = ['/var/lib/tailrace', 'SELECT', 'S3CR3T', 'node_modules', '.ts:', '    at ']

/** An error as libraries make them, with all they may bear. */
function libraryError(more: object = {}): Error {
  return Object.assign(new Error('SELECT S3CR3T: ENOENT, open /var/lib/tailrace/x'), {
    code: 'ENOENT',
    path: '/var/lib/tailrace/x',
    sql: 'SELECT S3CR3T',
    ...more,
  })
}

describe('what went wrong inside stays inside', () => {
  const THROWN: [name: string, thrown: () => unknown, status: number, code: string][] = [
    ['an error', () => libraryError(), 500, 'INTERNAL'],
    ['an error of a library that has a status', () => libraryError({ statusCode: 503 }), 500, 'INTERNAL'],
    ['one that calls it our fault', () => libraryError({ statusCode: 200 }), 500, 'INTERNAL'],
    ['one that calls it the caller’s', () => libraryError({ statusCode: 404 }), 400, 'REQUEST_INVALID'],
    ['a text', () => 'SELECT S3CR3T', 500, 'INTERNAL'],
    ['nothing', () => undefined, 500, 'INTERNAL'],
    [
      'an error of ours with a cause',
      () => new AppError('STORE_FAILED', { cause: libraryError() }),
      500,
      'STORE_FAILED',
    ],
  ]
  test.each(THROWN)('%s', async (_name, thrown, status, code) => {
    server = await openGuardedServer({}, ({ app }) => {
      app.get('/throws', { config: { access: 'public' } }, () => Promise.reject(thrown() as Error))
    })
    const response = await fetch(`${server.url}/throws`)
    const text = await response.text()
    expect(response.status).toBe(status)
    expect(JSON.parse(text)).toMatchObject({ code, status })
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    const told = text + JSON.stringify([...response.headers])
    expect(INSIDE.filter((part) => told.includes(part))).toEqual([])
  })
})

describe('what somebody sent is told back to them in part only', () => {
  test.each([
    ['an address that is none', '/%ZZ?key=S3CR3T', 400],
    ['nothing is there', '/nothing?key=S3CR3T', 404],
  ])('%s: not the parameters', async (_name, path, status) => {
    server = await openGuardedServer({}, ({ app }) => {
      app.get('/one/:name', { config: { access: 'public' } }, () => ({}))
    })
    const response = await fetch(server.url + path)
    expect(response.status).toBe(status)
    expect(await response.text()).not.toContain('S3CR3T')
  })

  test('a body that is no JSON: not the body', async () => {
    server = await openGuardedServer()
    const response = await fetch(`${server.url}/json`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer write' },
      body: '{"password":"S3CR3T"',
    })
    expect(response.status).toBe(400)
    expect(await response.text()).not.toContain('S3CR3T')
  })
})

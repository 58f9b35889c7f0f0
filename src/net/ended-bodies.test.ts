/** Bodies whose sender may no longer send them. */
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testPrincipal, type TestPrincipal, wordAccess } from '../api/testing/word-access.ts'
import { type GuardedServer, openGuardedServer } from './testing/guarded-server.ts'
import { statusesIn } from './testing/raw-connection.ts'

let server: GuardedServer
let ann: TestPrincipal
let open: TestPrincipal
beforeEach(async () => {
  ann = testPrincipal({ role: 'write' })
  open = testPrincipal({ by: 'open', keyId: '', role: 'admin' })
  server = await openGuardedServer({ access: wordAccess({ ann, open }), limits: { closeMs: 3_600_000 } }, ({ app }) => {
    void app.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload))
      scope.post('/unread', { config: { access: 'write' } }, () => ({ read: false }))
      done()
    })
  })
})
afterEach(() => server.http.close())

const post = (path: string, headers: string, word = 'ann'): string =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${word}\r\n${headers}\r\n\r\n`
const TEXT = 'content-type: text/plain\r\n'
const CHUNKED = 'transfer-encoding: chunked'

test.each([
  ['a key', '/write', TEXT, 'ann', 'KEY_REFUSED'],
  ['no key, while there were none', '/write', TEXT, 'open', 'KEY_REQUIRED'],
  ['a key, where the body is read as a whole', '/json', 'content-type: application/json\r\n', 'ann', 'KEY_REFUSED'],
])('nothing more is read of whoever ends: %s', async (_what, path, type, word, code) => {
  const sender = word === 'ann' ? ann : open
  const connection = server.connect(post(path, type + CHUNKED, word) + '2\r\n"a\r\n')
  await expect.poll(() => (path === '/write' ? server.bytes.read : sender.listeners)).toBeGreaterThan(0)
  sender.end()
  expect(statusesIn(await connection.until(new RegExp(code)))).toEqual([401])
  const readBytes = server.bytes.read
  connection.write('2\r\nb"\r\n0\r\n\r\nGET /public HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await connection.until(/"by":"nobody"/)
  expect(server.bytes.read).toBe(readBytes)
  expect(sender.listeners).toBe(0)
  connection.socket.destroy()
})

test.each([
  ['is read', '/write', `${TEXT}content-length: 5`, 'hello'],
  ['nobody reads', '/unread', `${TEXT}content-length: 5`, 'hello'],
  ['nobody reads, and has not come', '/unread', TEXT + CHUNKED, ''],
  ['is not JSON', '/json', 'content-type: application/json\r\ncontent-length: 5', 'hello'],
])('nothing listens for the sake of a body that is over, which %s', async (_what, path, headers, body) => {
  const connection = server.connect(post(path, headers) + body)
  await connection.until(/\r\n\r\n/)
  await expect.poll(() => ann.listeners).toBe(0)
  connection.socket.destroy()
})

test('nor for one that was cut off', async () => {
  const connection = server.connect(post('/write', TEXT + CHUNKED) + '1\r\na\r\n')
  await expect.poll(() => ann.listeners).toBe(1)
  connection.socket.destroy()
  await expect.poll(() => ann.listeners).toBe(0)
})

test('a body that goes on after its answer does not keep the server from closing', async () => {
  const connection = server.connect(post('/unread', TEXT + CHUNKED) + '1\r\na\r\n')
  await connection.until(/"read":false/)
  const ended = once(connection.socket, 'end')
  await server.http.close()
  await ended
})

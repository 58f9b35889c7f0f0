import { expect, onTestFinished, test } from 'vitest'
import { testPrincipal, wordAccess } from '../../api/testing/word-access.ts'
import { rawConnection } from '../../net/testing/raw-connection.ts'
import { openIngestServer } from '../testing/ingest-server.ts'

const LINE = `{"message":"${'a'.repeat(1000)}"}\n`
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

test('what comes after the end of a key is not kept, and the answer says how much was', async () => {
  const ann = testPrincipal({ role: 'write' })
  const server = await openIngestServer({ batchBytes: 1 }, {}, undefined, wordAccess({ ann }))
  onTestFinished(() => server.http.close())
  const head =
    'POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ann\r\n' +
    'content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n'
  const connection = rawConnection(server.port, head + chunk(LINE.repeat(100)))
  const kept = (): number => server.counters.total('ingest_events_total')
  await expect.poll(kept).toBeGreaterThan(0)
  const before = kept()
  ann.end()
  connection.write(chunk(LINE.repeat(100)))
  const answer = await connection.until(/"accepted":\d+/)
  expect(answer).toContain('HTTP/1.1 401 ')
  expect(answer).toContain('"code":"KEY_REFUSED"')
  expect(answer).toContain(`"accepted":${before}}`)
  connection.write(chunk(LINE.repeat(100)) + '0\r\n\r\nGET /absent HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await connection.until(/HTTP\/1\.1 404 /)
  expect(kept()).toBe(before)
  expect(ann.listeners).toBe(0)
  connection.socket.destroy()
})

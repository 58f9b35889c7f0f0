import { once } from 'node:events'
import { connect } from 'node:net'
import { encode } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { startServer, type TestServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const FLAGS = { forward: 'tcp://127.0.0.1:0', 'livestream-put': 'off', 'livestream-get': 'off', logd: 'off' }

/** Sends a message and resolves with the first bytes that come back. */
async function sendForward(server: TestServer, message: unknown): Promise<string> {
  const { listeners } = await server.ready
  const socket = connect(Number(listeners['forward']?.split(':').at(-1)), '127.0.0.1')
  socket.write(encode(message))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString('latin1')
}

test('a chunk that comes again after kill -9 is acknowledged, and stored once', async () => {
  const message = ['app', [1, 2, 3].map((n) => [1_700_000_000, { message: `event ${n}` }]), { chunk: 'one' }]
  const first = await startServer({ flags: FLAGS })
  expect(await sendForward(first, message)).toBe('\x81\xa3ack\xa3one')
  await first.kill9()
  const second = await startServer({ dataDir: first.dataDir, flags: FLAGS })
  expect(await sendForward(second, message)).toBe('\x81\xa3ack\xa3one')
  expect(await sendForward(second, ['app', [[1_700_000_000, { message: 'last' }]], { chunk: 'two' }])).toBe(
    '\x81\xa3ack\xa3two',
  )
  const query = encodeURIComponent('service:app | stats count() n, uniq(message) u')
  const found = await until('the last is stored', async () => {
    const answer = await fetch(`${second.url}/api/v1/query?query=${query}`)
    const { rows } = (await answer.json()) as { rows: [number, number][] }
    const [events, messages] = rows[0]?.map(Number) ?? []
    return messages === 4 && { events }
  })
  expect(found).toEqual({ events: 4 })
  await second.stop()
})

import { createSocket, type Socket } from 'node:dgram'
import { expect, onTestFinished, test } from 'vitest'
import { decodeMessage, encodeCommand, type LogdCommand, type LogdMessage } from '../../src/wire/logd/message.ts'
import { sealPacket, type PacketLayout } from '../../src/wire/logd/packet.ts'
import { getJson, settled } from './harness/http.ts'
import { spawnServer, startServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const SECRETS = { LOGD_READ_SECRET: 'gold', LOGD_WRITE_SECRET: 'bitcoin' }

interface Client {
  received: LogdMessage[]
  send(command: LogdCommand, layout?: PacketLayout): void
  texts(): string[]
}

async function openClient(address: string): Promise<Client> {
  const port = Number(address.split(':')[1])
  const socket: Socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  const received: LogdMessage[] = []
  socket.on('message', (bytes) => {
    const message = decodeMessage(bytes)
    if (message) received.push(message)
  })
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve))
  let lastNs = 0n
  return {
    received,
    send(command, layout = 'v1') {
      const nowNs = BigInt(Date.now()) * 1_000_000n
      lastNs = nowNs > lastNs ? nowNs : lastNs + 1n
      const isWrite = command.name === 'write'
      const secret = isWrite ? SECRETS.LOGD_WRITE_SECRET : SECRETS.LOGD_READ_SECRET
      const common = { timeNs: lastNs, payload: encodeCommand(command) }
      const packet =
        layout === 'v3'
          ? sealPacket({ layout, keyId: isWrite ? 'write' : 'read', key: secret, ...common })
          : sealPacket({ layout, secret, ...common })
      socket.send(packet, port, '127.0.0.1')
    },
    texts: () => received.map(({ text }) => text),
  }
}

interface Found {
  events: { message: string; service: string; level: string; source: string; attributes: Record<string, string> }[]
}

test('what comes over UDP is tailed, held in memory, stored and searched', async () => {
  const server = await startServer({ flags: { logd: 'udp://127.0.0.1:0', rings: '/prod=1MiB' }, env: SECRETS })
  const { listeners } = await server.ready
  const client = await openClient(listeners['logd'] ?? '')
  client.send({ name: 'tail', query: { keyPrefix: '/prod' } })
  await until('it tails', () => client.texts().length === 1)
  for (const [n, layout] of (['v1', 'v2', 'v3'] as const).entries()) {
    const message = {
      timeNs: BigInt(Date.now()) * 1_000_000n,
      level: 'error' as const,
      text: `broke ${layout}`,
      key: '/prod/app/http',
    }
    client.send({ name: 'write', message: { ...message, responseStatus: 500 + n, stackTrace: 'at x' } }, layout)
    await until('it is shown', () => client.texts().includes(`broke ${layout}`))
  }
  client.received.length = 0
  client.send({ name: 'query', query: { keyPrefix: '/prod/app/http', limit: 2 } })
  await until('it is answered', () => client.texts().includes('+END'))
  expect(client.texts()).toEqual(['broke v3', 'broke v2', '+END'])

  await settled(server.url)
  const query = 'service:"/prod/app/http" level:error http.response.status_code:502'
  const { json } = await getJson(server.url, `/api/v1/query?query=${encodeURIComponent(query)}`)
  expect((json as unknown as Found).events).toMatchObject([
    { message: 'broke v3', source: 'logd', attributes: { 'exception.stacktrace': 'at x' } },
  ])
  const status = await getJson(server.url, '/api/v1/status')
  expect(status.json).toMatchObject({ ingest: { accepted: { bySource: { logd: 3 } }, rejected: { total: 0 } } })
  await server.stop()
  expect(client.texts().at(-1)).toBe('kick')
})

test('without a secret it does not listen, and if it has to the server does not start', async () => {
  const server = await startServer()
  expect(Object.keys((await server.ready).listeners)).not.toContain('logd')
  const other = spawnServer({ flags: { logd: 'udp://127.0.0.1:0' } })
  await expect(other.ready).rejects.toThrow('ended')
  expect(await other.ended).toMatchObject({ code: 2 })
})

import { encode } from '@msgpack/msgpack'
import { afterEach, describe, expect, test } from 'vitest'
import { encodeMessage, writeHeartbeat } from '../../wire/audit/encode.ts'
import { GOLDEN_HEX } from '../../wire/audit/testing/records.ts'
import { openForwardServer, openRawClient, type ForwardTestServer, type RawClient } from './testing/forward-server.ts'

let server: ForwardTestServer
const clients: RawClient[] = []
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy()
  await server.close()
})

async function open(): Promise<void> {
  server = await openForwardServer()
}

async function client(): Promise<RawClient> {
  const opened = await openRawClient({ port: server.port })
  clients.push(opened)
  return opened
}

describe('audit messages', () => {
  const heartbeat = { auditVersion: 'v.0.0.1', osVersion: '6.1', language: 'go1.22', destination: 'TCP' }
  const golden = Buffer.from(GOLDEN_HEX, 'hex')
  /** The same without its agent. */
  const invalid = Buffer.from(GOLDEN_HEX.replace('a54167656e74', 'a0'), 'hex')

  test('are stored, invalid ones too, which say why and are counted', async () => {
    await open()
    const sender = await client()
    await sender.send(Buffer.concat([golden, invalid]))
    await expect.poll(() => server.sink.rows).toBe(2)
    const [good, bad] = server.sink.events()
    expect(good?.attributes.has('audit.invalid')).toBe(false)
    expect(bad).toMatchObject({ service: 'audit/AsmAuditDP', severity: 13 })
    expect(bad?.attributes.get('audit.invalid')).toBe('caller agent is required')
    expect(server.counters.total('audit_invalid_total', { type: 'AsmAuditDP' })).toBe(1)
    expect(server.counters.total('ingest_rejected_total')).toBe(0)
  })

  test.each<[string, unknown, string]>([
    ['a name that is no text', { OperationName: 7 }, 'OperationName is no text'],
    ['categories that are no list', { OperationCategories: 'x' }, 'OperationCategories is no list'],
    ['levels that are no texts', { CallerAccessLevels: [1] }, 'CallerAccessLevels is no list of texts'],
    ['identities that are no map', { CallerIdentities: [] }, 'CallerIdentities is no map'],
    ['identities in no list', { CallerIdentities: { UPN: 'a' } }, 'CallerIdentities.UPN is no list'],
    [
      'identities that are texts',
      { CallerIdentities: { UPN: ['a'] } },
      'CallerIdentities.UPN is no list of maps of texts',
    ],
    ['nothing', {}, 'operation name is required'],
  ])('with %s', async (_what, record, reason) => {
    await open()
    const sender = await client()
    await sender.send(Buffer.from(encode(['AsmAuditCP', [[1, record]], { TimeFormat: 'DateTime' }])))
    await expect.poll(() => server.sink.rows).toBe(1)
    expect(server.sink.events()[0]?.attributes.get('audit.invalid')).toBe(reason)
  })

  test('tell who is there: alive, silent, back again', async () => {
    await open()
    const beat = encodeMessage((writer) => writeHeartbeat(writer, heartbeat, 1_700_000_000))
    const startMs = 1_800_000_000_000
    let nowMs = startMs
    server.clock.nowMs = () => nowMs
    const agent = () => server.agents.list()[0]
    const first = await client()
    await first.send(Buffer.concat([golden, beat, invalid]))
    await expect.poll(() => server.sink.rows).toBe(3)
    expect(agent()).toMatchObject({
      host: 'testhost',
      version: 'v.0.0.1',
      osVersion: '6.1',
      language: 'go1.22',
      destination: 'TCP',
      serviceTreeId: null,
      connected: true,
      records: 2,
      invalid: 1,
      lastHeartbeat: new Date(startMs).toISOString(),
      silentSince: null,
    })
    nowMs = startMs + 36 * 60_000
    expect(agent()?.silentSince).toBe(new Date(startMs).toISOString())
    await first.send(golden)
    await expect.poll(() => agent()?.silentSince).toBeNull()
    nowMs += 1000
    first.socket.end()
    await expect.poll(() => agent()).toMatchObject({ connected: false, silentSince: new Date(nowMs).toISOString() })
    const second = await client()
    await second.send(Buffer.concat([golden, beat]))
    await expect.poll(() => agent()).toMatchObject({ connected: true, silentSince: null, records: 4 })
    expect(server.agents.list()).toHaveLength(1)
    expect(server.sink.events().filter(({ message }) => message === 'audit heartbeat')).toHaveLength(2)
  })
})

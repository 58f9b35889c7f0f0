import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditRecord } from '../../wire/audit/record.ts'
import { startTestAgent, type TestAgent } from './agent.ts'
import { auditConsole, type AuditMapping } from './audit-console.ts'
import pinoAuditTransport, { pinoAudit } from './pino.ts'
import { createSmartAuditClient, type SmartAuditClient } from './smart-client.ts'
import { tcpConnection } from './socket-connection.ts'
import { folder, numbered, numbersOf } from './testing/numbered.ts'

let agent: TestAgent
let client: SmartAuditClient
beforeEach(async () => {
  agent = await startTestAgent()
  client = createSmartAuditClient(tcpConnection({ port: agent.port }))
})
afterEach(async () => {
  await client.close()
  await agent.close()
})

/** Calls with a record say so. */
const map: AuditMapping = ({ fields }) => fields['audit'] as AuditRecord | undefined

describe('a console', () => {
  test('makes records of the calls that are some', async () => {
    const calls: unknown[] = []
    const seen: unknown[][] = []
    const log = auditConsole({
      client,
      map: (call) => {
        calls.push(call)
        return map(call)
      },
      also: { info: (...args) => seen.push(args) },
    })
    const error = new Error('x')
    log.info('user', 7, { audit: numbered(1) }, 'deleted')
    log.log('nothing')
    log.error(error, { audit: numbered(2) })
    await agent.waitForRecords(2)
    expect(numbersOf(agent.records)).toEqual([1, 2])
    expect(calls).toEqual([
      { level: 'info', message: 'user 7 deleted', fields: { audit: numbered(1) } },
      { level: 'info', message: 'nothing', fields: {} },
      { level: 'error', message: '', fields: { err: error, audit: numbered(2) } },
    ])
    expect(seen).toHaveLength(1)
  })

  test('tells of records that were refused', () => {
    const refused: string[] = []
    const log = auditConsole({ client, map, onRefused: ({ error }) => refused.push(error.message) })
    log.warn({ audit: { ...numbered(1), callerAgent: '' } })
    expect(refused).toEqual(['caller agent is required'])
  })
})

describe('pino', () => {
  test('in the process', async () => {
    const calls: unknown[] = []
    const stream = pinoAudit({
      client,
      map: (call) => {
        calls.push([call.level, call.message])
        return map(call)
      },
      onEnd: () => client.close(),
    })
    const log = pino({ level: 'trace' }, stream)
    log.info({ audit: numbered(1) }, 'deleted %s', 'bob')
    log.debug('nothing')
    log.child({ audit: numbered(2) }).fatal('over')
    stream.write('no line of pino\n')
    stream.end()
    await finished(stream)
    await agent.waitForRecords(2)
    expect(numbersOf(agent.records)).toEqual([1, 2])
    expect(calls).toEqual([
      ['info', 'deleted bob'],
      ['debug', 'nothing'],
      ['fatal', 'over'],
    ])
  })

  test('as the transport of a worker', async () => {
    const mapModule = join(folder(), 'map.mjs')
    writeFileSync(mapModule, 'export default ({ fields }) => fields.audit')
    const stream = await pinoAuditTransport({ port: agent.port, mapModule })
    pino(stream).info({ audit: numbered(3) })
    stream.end()
    await once(stream, 'finish')
    await agent.waitForRecords(1)
    expect(numbersOf(agent.records)).toEqual([3])
    await expect(pinoAuditTransport({ mapModule: join(folder(), 'none.mjs') })).rejects.toThrow('none.mjs')
  })

  test('without a mapping', async () => {
    const mapModule = join(folder(), 'map.mjs')
    writeFileSync(mapModule, 'export const other = 1')
    await expect(pinoAuditTransport({ mapModule })).rejects.toThrow('has no mapping')
  })
})

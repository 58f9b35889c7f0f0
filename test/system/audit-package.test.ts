/** `tailrace/audit` as another project meets it: by its name, built, with its types, from pino's worker as well. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from './harness/server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let project: string

beforeEach(() => {
  project = temporaryFolder()
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(root, join(project, 'node_modules/tailrace'))
  for (const name of ['pino', '@types']) {
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  }
  writeFileSync(join(project, 'package.json'), '{ "name": "shop", "private": true, "type": "module" }')
})

const RECORD = `{
  type: 'DataPlane', operationName: 'Read', operationCategories: ['CustomerFacing'], operationAccessLevel: 'Reader',
  callerAgent: 'shop', callerIdentities: { UPN: [{ identity: 'ann', description: 'caller' }] },
  callerIpAddress: '10.0.0.1', callerAccessLevels: ['Reader'], targetResources: { Order: [{ name: '7' }] },
}`

test('a program that audits, with pino in a worker as well', () => {
  writeFileSync(join(project, 'map.mjs'), 'export default ({ fields }) => fields.audit')
  writeFileSync(
    join(project, 'main.js'),
    `import { createSmartAuditClient, tcpConnection } from 'tailrace/audit'
     import { startTestAgent } from 'tailrace/audit/testing'
     import { pino } from 'pino'
     const record = ${RECORD}
     const agent = await startTestAgent()
     const audit = createSmartAuditClient(tcpConnection({ port: agent.port }))
     const outcomes = [audit.send(record), audit.send({ ...record, callerAgent: '' })]
     console.log(JSON.stringify([outcomes[0], outcomes[1].error.category, await audit.close()]))
     const options = { port: agent.port, mapModule: '${join(project, 'map.mjs')}' }
     const log = pino({ transport: { target: 'tailrace/audit/pino', options } })
     log.info({ audit: record })
     await agent.waitForRecords(2, 60_000)
     console.log(agent.records.length)
     await agent.close()
     process.exit(0)`,
  )
  const ended = spawnSync(process.execPath, ['main.js'], { cwd: project, encoding: 'utf8' })
  expect(ended.stderr).toBe('')
  expect(ended.stdout.trim().split('\n')).toEqual([
    '[{"queued":true,"place":"memory"},"validation",{"undelivered":0,"kept":0}]',
    '2',
  ])
})

test('the types that are published are whole', () => {
  writeFileSync(
    join(project, 'main.ts'),
    `import { createSmartAuditClient, createAuditClient, unixConnection, type AuditRecord } from 'tailrace/audit'
     import { pinoAudit } from 'tailrace/audit/pino'
     import { startTestAgent } from 'tailrace/audit/testing'
     const record: AuditRecord = ${RECORD}
     const audit = createSmartAuditClient(unixConnection(), { overflow: { dir: '/x' } })
     const now = audit.send(record)
     if (!now.queued) throw now.error
     const later: Promise<typeof now> = audit.send(record, { timeoutMs: 5 }) as Promise<typeof now>
     for await (const { kind, suppressed } of audit.notices) console.log(kind, suppressed, later)
     createAuditClient(unixConnection('/x')).failure?.category.toUpperCase()
     pinoAudit({ client: audit, map: () => undefined })
     console.log((await startTestAgent()).records[0]?.operationName)
     // @ts-expect-error there is no such category
     const wrong: AuditRecord = { ...record, operationCategories: ['None'] }`,
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2023']
  const result = spawnSync(process.execPath, [tsc, ...flags, '--types', 'node', 'main.ts'], {
    cwd: project,
    encoding: 'utf8',
  })
  expect(result.stdout).toBe('')
  expect(result.status).toBe(0)
})

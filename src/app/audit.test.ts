import { expect, test } from 'vitest'
import type { KeyInfo } from '../access/access.ts'
import { temporaryFolder, testAccess } from '../access/testing/temporary-access.ts'
import { EventView, type EventBatch } from '../core/batch.ts'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { auditKeys, createAuditTrail } from './audit.ts'
import { openFolderKeys } from './keys.ts'

/** An audit trail, and what came into it. */
function auditTrail() {
  const batches: EventBatch[] = []
  const write = (batch: EventBatch) => {
    batches.push(batch)
    return Promise.resolve()
  }
  const audit = createAuditTrail({ write, counters: new Counters(), logger: SILENT_LOGGER, hostname: 'h' })
  const events = () =>
    batches.map((batch) => {
      const event = new EventView().at(batch.bytes, batch.offsets[0] ?? 0)
      return { message: event.text('message'), attributes: Object.fromEntries(event.attributes) }
    })
  return { options: { audit, logger: SILENT_LOGGER }, events }
}

test('the key of the very first start is in the audit trail, by the server itself', async () => {
  const { options, events } = auditTrail()
  const info = { id: 'k3v9x0q2m7ab', name: 'first admin', role: 'admin' } as KeyInfo
  const { access } = await testAccess()
  await auditKeys(access, options, info)
  expect(events()).toEqual([
    {
      message: 'key.created by the server itself, on its first start',
      attributes: {
        action: 'key.created',
        'key.id': 'k3v9x0q2m7ab',
        'key.name': 'first admin',
        'key.role': 'admin',
        by: 'the server itself, on its first start',
      },
    },
  ])
})

test('what was done to keys without a server is in the audit trail from its next start on, once', async () => {
  const dir = await temporaryFolder()
  const startedMs = Date.now()
  const folder = await openFolderKeys(dir, { mayMake: true })
  const { info } = await folder.keys.create({ role: 'admin', name: 'ops' }, 'command line')
  await folder.keys.revoke(info.id)
  await folder.keys.revoke(info.id)
  await folder.close()
  const first = auditTrail()
  const { access } = await testAccess({ dir })
  await auditKeys(access, first.options, undefined)
  expect(first.events()).toMatchObject(
    ['key.created', 'key.revoked'].map((action) => ({
      message: `${action} by the command line, without a server`,
      attributes: { action, 'key.id': info.id, 'key.name': 'ops', 'key.role': 'admin' },
    })),
  )
  for (const { attributes } of first.events()) {
    expect(Date.parse(attributes['at'] ?? '')).toBeGreaterThanOrEqual(startedMs)
  }
  await access.close()
  const next = auditTrail()
  await auditKeys((await testAccess({ dir })).access, next.options, undefined)
  expect(next.events()).toEqual([])
})

test('what is done to them beside a server is told at once, and not by the next start again', async () => {
  const { access, dir, key } = await testAccess()
  await key({ role: 'admin' })
  const { options, events } = auditTrail()
  await auditKeys(access, options, undefined)
  const folder = await openFolderKeys(dir, { mayMake: false })
  const { info } = await folder.keys.create({ role: 'read' }, 'command line')
  await folder.close()
  await expect
    .poll(events)
    .toMatchObject([
      { message: 'key.created by another process, in the data folder', attributes: { 'key.id': info.id } },
    ])
  await expect.poll(() => access.untold()).toEqual([])
  const again = await testAccess({ dir })
  expect(again.access.untold()).toEqual([])
})

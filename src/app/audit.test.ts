import { expect, test } from 'vitest'
import type { KeyInfo } from '../access/access.ts'
import { EventView, type EventBatch } from '../core/batch.ts'
import { Counters } from '../core/counters.ts'
import { SILENT_LOGGER } from '../core/logger.ts'
import { auditKeys, createAuditTrail } from './audit.ts'

test('the key of the very first start is in the audit trail, by the server itself', async () => {
  const batches: EventBatch[] = []
  const write = (batch: EventBatch) => {
    batches.push(batch)
    return Promise.resolve()
  }
  const audit = createAuditTrail({ write, counters: new Counters(), logger: SILENT_LOGGER, hostname: 'h' })
  const info = { id: 'k3v9x0q2m7ab', name: 'first admin', role: 'admin' } as KeyInfo
  await auditKeys({ onForeignChange: () => undefined }, audit, info)
  const [batch] = batches
  const event = batch && new EventView().at(batch.bytes, batch.offsets[0] ?? 0)
  expect(event?.text('message')).toBe('key.created by the server itself, on its first start')
  expect(Object.fromEntries(event?.attributes ?? [])).toEqual({
    action: 'key.created',
    'key.id': 'k3v9x0q2m7ab',
    'key.name': 'first admin',
    'key.role': 'admin',
    by: 'the server itself, on its first start',
  })
})

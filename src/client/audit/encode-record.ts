import { encodeMessage, writeRecord } from '../../wire/audit/encode.ts'
import type { AuditRecord } from '../../wire/audit/record.ts'
import { invalidReason } from '../../wire/audit/validate.ts'
import { AuditError } from './outcome.ts'

/** The message of a record as it is sent: for tests, and for ways to the agent of one's own. Throws AuditError. */
export function encodeAuditRecord(record: AuditRecord, time = new Date()): Buffer {
  const reason = invalidReason(record)
  if (reason !== undefined) throw new AuditError('validation', reason)
  try {
    return encodeMessage((writer) => writeRecord(writer, record, Math.floor(time.getTime() / 1000)))
  } catch (cause) {
    throw new AuditError('validation', (cause as Error).message, { cause })
  }
}

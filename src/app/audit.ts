import type { Access, KeyInfo } from '../access/access.ts'
import type { KeyDeed } from '../access/key-file.ts'
import type { AuditRecord, AuditTrail } from '../core/audit.ts'
import { EventBatch } from '../core/batch.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { Principal } from '../core/principal.ts'
import { SEVERITY_NUMBERS } from '../core/severity.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'

/** The service of the server's own audit trail. Nobody else's events may bear it. */
export const AUDIT_SERVICE = 'tailrace.audit'

export interface AuditOptions {
  /** Where its events go: the pipeline's entrance for events that may bear the reserved service. */
  write: Pipeline['writeOwn']
  counters: Counters
  logger: Logger
  hostname: string
}

/** Who did what, as events of the server itself: found, tailed and kept like all others. */
export function createAuditTrail({ write, counters, logger, hostname }: AuditOptions): AuditTrail {
  return async (record) => {
    const { action } = record
    counters.add('audit_events_total', { action })
    const batch = new EventBatch(1024)
    batch.append({
      severity: action.endsWith('.refused') ? SEVERITY_NUMBERS.warn : SEVERITY_NUMBERS.notice,
      service: AUDIT_SERVICE,
      host: hostname,
      source: 'tailrace',
      message: sentence(record),
      attributes: attributesOf(record),
    })
    try {
      await write(batch)
    } catch (err) {
      counters.add('audit_events_lost_total', { action })
      logger.error({ err, action }, 'An event of the audit trail could not be kept')
    }
  }
}

/**
 * Keys that no route makes or revokes are in the audit trail as well: those of other processes in the data folder, while
 * this server runs and before, and the one that it made itself because others can reach it. Resolves once what was done
 * until now is in it.
 */
export async function auditKeys(
  access: Pick<Access, 'onForeignChange' | 'untold' | 'forgetTold'>,
  { audit, logger }: { audit: AuditTrail; logger: Logger },
  firstKey: KeyInfo | undefined,
): Promise<void> {
  // What dies before this is told once more by the next start.
  const forget = async (deeds: readonly KeyDeed[]): Promise<void> => {
    try {
      if (deeds.length > 0) await access.forgetTold(deeds)
    } catch (err) {
      logger.warn({ err }, 'What was done to keys without a server will be in the audit trail once more')
    }
  }
  const untold = access.untold()
  access.onForeignChange(({ action, key }) => {
    const deeds = access.untold().filter((deed) => deed.action === action && deed.id === key.id)
    void audit(keyRecord(`key.${action}`, key, 'another process, in the data folder')).then(() => forget(deeds))
  })
  for (const { action, atMs, ...key } of untold) {
    await audit(keyRecord(`key.${action}`, key, 'the command line, without a server', new Date(atMs).toISOString()))
  }
  await forget(untold)
  if (firstKey) await audit(keyRecord('key.created', firstKey, 'the server itself, on its first start'))
}

function keyRecord(
  action: string,
  { id, name, role }: Pick<KeyInfo, 'id' | 'name' | 'role'>,
  by: string,
  at?: string,
): AuditRecord {
  const details = { 'key.id': id, 'key.name': name, 'key.role': role, by, ...(at !== undefined && { at }) }
  return { action, principal: undefined, address: '', details }
}

function sentence({ action, principal, address, details }: AuditRecord): string {
  const from = address === '' ? '' : ` from ${address}`
  return `${action} by ${principal ? actorName(principal) : (details?.['by'] ?? 'somebody unknown')}${from}`
}

function actorName(principal: Principal): string {
  if (principal.by === 'open') return 'anybody (no keys yet)'
  return principal.name === '' ? `key ${principal.keyId}` : `${principal.name} (key ${principal.keyId})`
}

function attributesOf({ action, principal, address, details = {} }: AuditRecord): Map<string, string> {
  const attributes = new Map([['action', action]])
  if (principal) {
    attributes.set('actor.by', principal.by)
    if (principal.keyId !== '') attributes.set('actor.key_id', principal.keyId)
    if (principal.name !== '') attributes.set('actor.name', principal.name)
  }
  if (address !== '') attributes.set('actor.address', address)
  for (const [name, value] of Object.entries(details)) attributes.set(name, value)
  return attributes
}

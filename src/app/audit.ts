import type { Access } from '../access/access.ts'
import type { AuditRecord, AuditTrail } from '../core/audit.ts'
import { EventBatch } from '../core/batch.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
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

/** Keys that are made or revoked in the data folder, while this server runs, are in the audit trail as well. */
export function auditForeignKeys(access: Pick<Access, 'onForeignChange'>, audit: AuditTrail): void {
  access.onForeignChange(({ action, key }) => {
    void audit({
      action: `key.${action}`,
      principal: undefined,
      address: '',
      details: {
        'key.id': key.id,
        'key.name': key.name,
        'key.role': key.role,
        by: 'another process, in the data folder',
      },
    })
  })
}

function sentence({ action, principal, address }: AuditRecord): string {
  const from = address === '' ? '' : ` from ${address}`
  return `${action} by ${actorName(principal)}${from}`
}

function actorName(principal: AuditRecord['principal']): string {
  if (!principal) return 'somebody unknown'
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

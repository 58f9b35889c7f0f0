import type { Principal } from './principal.ts'

/** Something that whoever watches over the server wants to know about later. Never holds a secret. */
export interface AuditRecord {
  /** `key.created`, `key.revoked`, `token.created`, `session.opened`, `session.refused`, `session.closed`, `events.exported`, `events.deleted`, `retention.changed`. */
  action: string
  /** Who did it; `undefined` where they could not show who they are. */
  principal: Principal | undefined
  /** The address that it was asked from; empty for the server itself. */
  address: string
  /** What it was done to, and how: becomes attributes of the event. */
  details?: Readonly<Record<string, string>>
}

/** Resolves when the record is durable, or when it could not be kept, which is counted and logged. Never rejects. */
export type AuditTrail = (record: AuditRecord) => Promise<void>

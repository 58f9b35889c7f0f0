/** Why a record was not taken. */
export type AuditErrorCategory = 'validation' | 'connection' | 'queue-full' | 'timeout' | 'closed'

export class AuditError extends Error {
  readonly category: AuditErrorCategory

  constructor(category: AuditErrorCategory, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'AuditError'
    this.category = category
  }
}

/** What became of a record: it is on its way, from memory or from the overflow folder, or it was not taken. */
export type SendOutcome =
  | { readonly queued: true; readonly place: 'memory' | 'disk' }
  | { readonly queued: false; readonly error: AuditError }

export const IN_MEMORY: SendOutcome = Object.freeze({ queued: true, place: 'memory' })
export const ON_DISK: SendOutcome = Object.freeze({ queued: true, place: 'disk' })

export function refused(category: AuditErrorCategory, message: string, cause?: unknown): SendOutcome {
  return { queued: false, error: new AuditError(category, message, cause === undefined ? {} : { cause }) }
}

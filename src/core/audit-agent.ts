/** One process that sends audit records, as status shows it. Times are RFC 3339. */
export interface AuditAgent {
  host: string
  /** Of version 1 of the format; else null. */
  serviceTreeId: string | null
  /** What its heartbeats say; null before the first. */
  version: string | null
  osVersion: string | null
  language: string | null
  destination: string | null
  connected: boolean
  firstSeen: string
  lastHeartbeat: string | null
  lastRecord: string | null
  records: number
  /** Records that break a rule of the schema. */
  invalid: number
  /** It was last heard of then, and should have been heard of since; null: it is alive. */
  silentSince: string | null
}

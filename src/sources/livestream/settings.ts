import type { AuditTrail } from '../../core/audit.ts'
import type { Principal } from '../../core/principal.ts'
import type { StreamCatalog } from '../../streams/catalog.ts'
import type { SourceContext } from '../source.ts'

export interface LivestreamSettings {
  /** Whether lines become events where the writer says nothing about it. */
  isIndexed: boolean
  /** How long a writer may say nothing before it counts as gone. */
  writerIdleMs: number
  /** How long a reader may take nothing although something waits for it. */
  readerIdleMs: number
  /** How far a reader may fall behind what came since it began before it is dropped; Infinity: it is not. */
  lagBytesMax: number
  /** Longest life of a link. */
  shareMsMax: number
}

/** About what readers of livelog are allowed. */
export const LAG_BYTES_MAX = 800 * 1024

/** What all events of a stream have in common. */
export interface StreamFields {
  service: string
  host: string
  source: string
}

/** All that streams may touch. */
export interface LivestreamContext extends SourceContext {
  catalog: StreamCatalog
  /** Whether everything that could be in a stream is among what this principal may read. */
  mayRead(principal: Principal, stream: StreamFields): boolean
  /** See `Access.onKeyEnded`. */
  onKeyEnded(keyId: string, listener: () => void): (() => void) | undefined
  audit: AuditTrail
}

import type { Principal } from '../../core/principal.ts'
import type { Stream } from '../../streams/stream.ts'
import type { LivestreamContext, StreamFields } from './settings.ts'

/** Fields of the events of a stream: what its writer's key stamps goes before its name. */
export function fieldsOf({ name, host, stamps }: Pick<Stream, 'name' | 'host' | 'stamps'>): StreamFields {
  const stamped = new Map(stamps)
  return {
    service: stamped.get('service') ?? name,
    host: stamped.get('host') ?? host,
    source: stamped.get('source') ?? name,
  }
}

/** Whether somebody may know that there is this stream. */
export function isVisible(context: Pick<LivestreamContext, 'mayRead'>, principal: Principal, stream: Stream): boolean {
  return context.mayRead(principal, fieldsOf(stream))
}

/**
 * Whether it was written with the key of this principal, or the principal administers. A token that stamps more than its
 * key does has written only what bears these stamps.
 */
export function isOwner({ keyId, role, stamps }: Principal, stream: Pick<Stream, 'keyId' | 'stamps'>): boolean {
  if (role === 'admin') return true
  const stamped = new Map(stream.stamps)
  return keyId === stream.keyId && [...stamps].every(([field, value]) => stamped.get(field) === value)
}

import type { Principal } from '../core/principal.ts'
import type { Owner } from '../saved/ownership.ts'

/** On whose behalf something is saved. */
export function ownerOf({ keyId, name, filter, role }: Principal): Owner {
  return { keyId, name, filter, isAdmin: role === 'admin' }
}

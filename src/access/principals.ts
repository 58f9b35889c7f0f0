import type { Principal } from '../core/principal.ts'
import type { CheckedRights } from './key-rules.ts'
import type { KeyEntry } from './keyring.ts'
import type { Life, Lives } from './lives.ts'

export interface PrincipalParts {
  by: Principal['by']
  key: KeyEntry
  rights: Pick<CheckedRights, 'role' | 'filter' | 'stamps'>
  life: Life
}

/** A plain object: it may be spread. */
export function createPrincipal({ by, key, rights, life }: PrincipalParts, lives: Lives): Principal {
  return {
    by,
    keyId: key.record.id,
    name: key.record.name,
    role: rights.role,
    filter: rights.filter,
    stamps: new Map(Object.entries(rights.stamps)),
    onEnded: (listener) => lives.onEnded(life, listener),
  }
}

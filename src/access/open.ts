import { AppError } from '../core/errors.ts'
import { OPEN_PRINCIPAL } from '../core/principal.ts'
import type { Access, AccessOptions } from './access.ts'

function refuse(): never {
  throw new AppError('KEYS_FULL')
}

/** Opens the table of keys in the data folder. */
export async function openAccess(_options: AccessOptions): Promise<Access> {
  return {
    isOpen: true,
    keys: { list: () => [], create: async () => refuse(), revoke: async () => refuse() },
    identify: () => ({ principal: OPEN_PRINCIPAL }),
    createToken: refuse,
    openSession: refuse,
    closeSession: async () => undefined,
    status: () => ({ open: true, keys: { read: 0, write: 0, admin: 0 } }),
    close: async () => undefined,
  }
}

import type { Access, KeyInfo } from '../access/access.ts'
import { AppError } from '../core/errors.ts'
import { isLoopback } from '../core/loopback.ts'
import type { Config } from './config.ts'

/**
 * An address that others can reach takes a key. On the very first start one is made, with role admin, and
 * returned; later on a server without any valid key does not start there: CONFIG_INVALID.
 */
export async function requireKey(
  config: Pick<Config, 'host' | 'data'>,
  access: Pick<Access, 'isOpen' | 'keys' | 'status'>,
  isFirstStart: boolean,
): Promise<{ key: string; info: KeyInfo } | undefined> {
  if (isLoopback(config.host)) return undefined
  if (isFirstStart && access.isOpen) {
    return access.keys.create({ role: 'admin', name: 'first admin' }, 'first start')
  }
  const { keys } = access.status()
  if (keys.admin + keys.read + keys.write > 0) return undefined
  const missing = access.isOpen ? 'there is no key yet' : 'no key is valid any more'
  throw new AppError('CONFIG_INVALID', {
    detail: `Others can reach the address ${config.host}, and ${missing}.`,
    hint: `Make one with: tailrace keys create --role admin --data ${config.data}`,
  })
}

import type { Access, KeyInfo } from '../access/access.ts'
import { openAccess } from '../access/open.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { NS_PER_MS } from '../core/time.ts'
import { checkFilter } from '../query/query.ts'
import type { Closing } from './closing.ts'
import type { Config } from './config.ts'
import { requireKey } from './first-key.ts'
import { accessLimits } from './limits.ts'

export interface ServerAccessOptions {
  isFirstStart: boolean
  counters: Counters
  logger: Logger
  closing: Closing
  /** Told the text of a key that had to be made, which nobody will ever see again. */
  onFirstKey: (key: string) => void
}

/**
 * The keys of a server, and the one that had to be made. Rejects with CONFIG_INVALID when its address takes a key and
 * there is none.
 */
export async function openServerAccess(
  config: Config,
  options: ServerAccessOptions,
): Promise<{ access: Access; firstKey: KeyInfo | undefined }> {
  const { isFirstStart, counters, logger, closing, onFirstKey } = options
  const access = await openAccess({
    dir: config.data,
    clock: Date.now,
    counters,
    logger,
    limits: accessLimits(config),
    checkFilter: (filter) => checkFilter(filter, BigInt(Date.now()) * NS_PER_MS),
  })
  closing.add(() => access.close())
  const firstKey = await requireKey(config, access, isFirstStart)
  if (firstKey) onFirstKey(firstKey.key)
  return { access, firstKey: firstKey?.info }
}

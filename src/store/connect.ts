/** The only place that knows what kind of store it is: a folder with an engine of our own, or the URL of a server. */
import { join } from 'node:path'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { openEmbeddedStore } from './embedded.ts'
import { openRemoteStore } from './remote.ts'
import type { ReadLimits } from './read.ts'
import type { RetentionRules } from './retention.ts'
import type { Store } from './store.ts'

export interface StoreConfig {
  /** `embedded`, `embedded:<folder>`, or `http(s)://user:password@host:port/database?cluster=name`. */
  url: string
  /** Folder of the embedded engine, unless the URL names one. */
  dataDir: string
  /** Upper bound for the embedded engine's memory; default a quarter of the machine, at most 4 GiB. */
  memoryBytesMax?: number
  /** Bounds of one query. */
  limits?: Partial<ReadLimits>
  retention?: Partial<RetentionRules>
  /** How long the store may leave a ping unanswered before it counts as away. */
  silenceMsMax?: number
  logger: Logger
  counters: Counters
  /** Milliseconds since 1970; injectable for tests of retention. */
  now?: () => number
}

/**
 * Opens the store. An embedded one is ready when this resolves (or rejects with ENGINE_UNAVAILABLE, ENGINE_LOCKED);
 * a remote one may still be down, and is tried again in the background. Rejects with CONFIG_INVALID for a URL it
 * cannot use.
 */
export async function openStore(config: StoreConfig): Promise<Store> {
  const { url, dataDir, ...rest } = config
  if (url === 'embedded') return await openEmbeddedStore({ ...rest, dataDir })
  if (url.startsWith('embedded:'))
    return await openEmbeddedStore({ ...rest, dataDir: join(url.slice('embedded:'.length)) })
  if (/^https?:\/\//.test(url)) return await openRemoteStore({ ...rest, url })
  throw new AppError('CONFIG_INVALID', {
    detail: `The store "${url.replace(/\/\/[^@/]*@/, '//…@')}" is neither "embedded" nor an http(s) URL.`,
    hint: 'Use --store embedded, or --store https://user:password@host:8443/database.',
  })
}

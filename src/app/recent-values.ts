import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../core/errors.ts'
import { NS_PER_MS } from '../core/time.ts'
import type { RecentValues } from '../sources/source.ts'
import type { Spool } from '../spool/spool.ts'
import { attributeValuesStatement, newestReceivedStatement } from '../store/recent.ts'
import type { Store } from '../store/store.ts'

const RETRY_MS = 500

export interface RecentValuesOptions {
  store: Pick<Store, 'select'>
  spool: Pick<Spool, 'durableThroughNs' | 'waitStored'>
  /** Aborts when the server closes. */
  signal: AbortSignal
}

/**
 * What a source has to know about its events of an earlier run: waits until all that was durable at the start is in the
 * store, then asks, again and again while the store is away. Rejects when the server closes.
 */
export function recentValues({ store, spool, signal }: RecentValuesOptions) {
  const startedNs = spool.durableThroughNs
  const windowStart = async (source: string | undefined, windowMs: number): Promise<bigint> => {
    const newest = await store.select(newestReceivedStatement(source), { signal })
    const [newestNs = '0'] = (newest.rows[0] ?? []) as [string?]
    const startNs = BigInt(newestNs) - BigInt(windowMs) * NS_PER_MS
    return startNs > 0n ? startNs : 0n
  }
  return async ({ source, attribute, windowMs, valuesMax, ...wish }: RecentValues): Promise<string[]> => {
    await spool.waitStored(startedNs, signal)
    for (;;) {
      try {
        const sinceNs = wish.sinceNs ?? (await windowStart(source, windowMs))
        const { where } = wish
        const statement = attributeValuesStatement({ source, attribute, sinceNs, limit: valuesMax, where })
        const { rows } = await store.select(statement, { signal, rowsMax: valuesMax })
        return rows.map(([value]) => String(value))
      } catch (error) {
        if (!(error instanceof AppError) || !error.retryable) throw error
        await delay(RETRY_MS, undefined, { signal })
      }
    }
  }
}

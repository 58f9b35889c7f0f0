import { parseTimestamp } from '../core/time.ts'
import type { StoreStatus } from '../store/store.ts'
import type { ApiContext } from './context.ts'
import type { Extent } from './time-windows.ts'

/** The store's figures, asked for at most once a second however many readers want them. */
export interface StoreFigures {
  /**
   * At most about a second old; older only while the store does not answer, and `undefined` when it never did.
   * Waits a second at most; never rejects.
   */
  status(): Promise<StoreStatus | undefined>
  /**
   * What the store holds, up to a minute old so that nobody waits for it; `undefined` when it is empty or that is not
   * known.
   */
  extent(): Promise<Extent | undefined>
}

const FRESH_NS = 1_000_000_000n
const EXTENT_FRESH_NS = 60_000_000_000n
/** How long a reader waits for fresh figures before it gets the last known ones. */
const WAIT_MS = 1000

export function createStoreFigures(context: Pick<ApiContext, 'store' | 'clock'>): StoreFigures {
  let known: { atNs: bigint; status: StoreStatus } | undefined
  let asking: Promise<void> | undefined

  async function ask(): Promise<void> {
    try {
      const status = await context.store.status()
      known = { atNs: context.clock(), status }
    } catch {
      // A store that cannot even tell its figures is down: what was known stays, marked so.
      if (known) known = { atNs: known.atNs, status: { ...known.status, state: 'down' } }
    } finally {
      asking = undefined
    }
  }

  async function status(freshNs: bigint): Promise<StoreStatus | undefined> {
    const isCurrent = (known?.status.state === 'ready') === context.store.isReady
    const ageNs = known && isCurrent ? context.clock() - known.atNs : undefined
    if (ageNs === undefined || ageNs >= FRESH_NS) asking ??= ask()
    if (asking && (ageNs === undefined || ageNs >= freshNs)) await settledWithin(asking, WAIT_MS)
    return known?.status
  }

  return {
    status: () => status(FRESH_NS),
    async extent() {
      const found = await status(EXTENT_FRESH_NS)
      const oldestNs = parseTimestamp(found?.oldest ?? '')
      const newestNs = parseTimestamp(found?.newest ?? '')
      if (!found || oldestNs === undefined || newestNs === undefined) return undefined
      return { oldestNs, newestNs, events: found.rows }
    },
  }
}

/** Resolves when the promise does, or after `ms` at the latest. */
function settledWithin(promise: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    void promise.finally(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

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
}

const FRESH_NS = 1_000_000_000n
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

  return {
    async status() {
      const isCurrent = (known?.status.state === 'ready') === context.store.isReady
      if (known && isCurrent && context.clock() - known.atNs < FRESH_NS) return known.status
      asking ??= ask()
      await settledWithin(asking, WAIT_MS)
      return known?.status
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

/** Which times the store holds; `undefined` when that is not known or it is empty. */
export function storedExtent(status: StoreStatus | undefined): Extent | undefined {
  const oldestNs = parseTimestamp(status?.oldest ?? '')
  const newestNs = parseTimestamp(status?.newest ?? '')
  if (!status || oldestNs === undefined || newestNs === undefined) return undefined
  return { oldestNs, newestNs, events: status.rows }
}

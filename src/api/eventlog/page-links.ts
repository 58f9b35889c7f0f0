import type { TimeRange } from '../../query/query.ts'
import type { Reading } from '../reading.ts'
import { timeWindows } from '../time-windows.ts'
import type { StoreOptions } from './page-events.ts'
import type { PageScope } from './page-question.ts'
import { extentStatement } from './page-statements.ts'
import { pageAt, type Page } from './page-time.ts'

export interface Neighbours {
  prev: Page | undefined
  next: Page | undefined
}

/** The nearest pages of the same size that hold events, among those that are over. */
export async function findNeighbours(
  reading: Pick<Reading, 'context' | 'figures'>,
  scope: PageScope,
  page: Page,
  options: StoreOptions,
): Promise<Neighbours> {
  const overNs = reading.context.clock() - scope.graceNs
  const endNs = pageAt(overNs > 0n ? overNs : 0n, page.size).fromNs
  const [prev, next] = await Promise.all([
    nearest(reading, scope, { toNs: page.fromNs }, 'desc', options),
    page.toNs < endNs ? nearest(reading, scope, { fromNs: page.toNs, toNs: endNs }, 'asc', options) : undefined,
  ])
  return {
    prev: prev === undefined ? undefined : pageAt(prev, page.size),
    next: next === undefined ? undefined : pageAt(next, page.size),
  }
}

/** Pages begin in 1970. */
const FIRST_NS = 0n

/** The first page time in the range, from either end, in growing windows: what is near is found in a small one. */
async function nearest(
  { context, figures }: Pick<Reading, 'context' | 'figures'>,
  scope: PageScope,
  asked: TimeRange,
  order: 'asc' | 'desc',
  options: StoreOptions,
): Promise<bigint | undefined> {
  const extent = await figures.extent()
  const whole = { fromNs: asked.fromNs ?? FIRST_NS, toNs: asked.toNs ?? FIRST_NS }
  if (whole.fromNs >= whole.toNs) return undefined
  // The page time of a late event lies after its timestamp: beyond the newest timestamp there may still be some.
  const density = extent && {
    ...extent,
    oldestNs: whole.fromNs > extent.oldestNs ? whole.fromNs : extent.oldestNs,
    newestNs: whole.toNs - 1n,
  }
  for (const window of timeWindows(whole, order, density)) {
    const range = { fromNs: window.fromNs ?? whole.fromNs, toNs: window.toNs ?? whole.toNs }
    if (range.fromNs >= range.toNs) continue
    const { rows } = await context.store.select(extentStatement(scope, range), options)
    const [count = '0', first = '0', last = '0'] = (rows[0] ?? []) as string[]
    if (count !== '0') return BigInt(order === 'asc' ? first : last)
  }
  return undefined
}

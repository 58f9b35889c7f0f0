import type { TimeRange } from '../../query/query.ts'
import type { ReadOptions, Store } from '../../store/store.ts'
import type { StoreFigures } from '../store-figures.ts'
import { timeWindows } from '../time-windows.ts'
import type { Nearest, PageRange } from './log-reader.ts'
import type { PageScope } from './page-question.ts'
import { extentStatement } from './page-statements.ts'

export interface PagesKnown {
  store: Pick<Store, 'select'>
  figures: Pick<StoreFigures, 'extent'>
}

export async function findNearest(
  known: PagesKnown,
  scope: PageScope,
  page: PageRange,
  endNs: bigint,
  options: ReadOptions,
): Promise<Nearest> {
  const [prevNs, nextNs] = await Promise.all([
    nearest(known, scope, { toNs: page.fromNs }, 'desc', options),
    page.toNs < endNs ? nearest(known, scope, { fromNs: page.toNs, toNs: endNs }, 'asc', options) : undefined,
  ])
  return { prevNs, nextNs }
}

/** Pages begin in 1970. */
const FIRST_NS = 0n

/** The first page time in the range, from either end, in growing windows: what is near is found in a small one. */
async function nearest(
  { store, figures }: PagesKnown,
  scope: PageScope,
  asked: TimeRange,
  order: 'asc' | 'desc',
  options: ReadOptions,
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
    const { rows } = await store.select(extentStatement(scope, range), options)
    const [count = '0', first = '0', last = '0'] = (rows[0] ?? []) as string[]
    if (count !== '0') return BigInt(order === 'asc' ? first : last)
  }
  return undefined
}

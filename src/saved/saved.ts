/**
 * saved: what people keep on the server beside events: named searches, shared views, and rules of retention. Small
 * lists, each in a file of the data folder that is whole or absent. It must never know routes, query text (a query is a
 * text like any other here) or who may do what: it is told for whom. Start here; `list-file.ts` is how a list is kept.
 */
import { join } from 'node:path'
import type { Counters } from '../core/counters.ts'
import { ListFile } from './list-file.ts'
import { RuleItem, StoredRules } from './rules.ts'
import { SavedSearches, SearchItem } from './searches.ts'
import { SharedViews, ShareItem } from './shares.ts'

/** What bounds the lists. */
export interface SavedLimits {
  /** Named searches of everybody. */
  searchesMax: number
  /** Shared views of everybody. */
  sharesMax: number
  /** Of either, with one key. */
  perKeyMax: number
}

export const SAVED_LIMITS: SavedLimits = { searchesMax: 1000, sharesMax: 2000, perKeyMax: 500 }

export interface SavedOptions {
  /** The data folder. No other process may change what is in it meanwhile. `undefined`: nothing is kept on disk. */
  dir: string | undefined
  /** Milliseconds since 1970. */
  clock: () => number
  counters: Counters
  limits?: Partial<SavedLimits>
}

export interface Saved {
  searches: SavedSearches
  shares: SharedViews
  rules: StoredRules
  /** Waits for changes under way. */
  close(): Promise<void>
}

/** Reads the lists. Rejects with CONFIG_INVALID when a file of theirs cannot be used. */
export async function openSaved({ dir, clock, counters, limits }: SavedOptions): Promise<Saved> {
  const { searchesMax, sharesMax, perKeyMax } = { ...SAVED_LIMITS, ...limits }
  const pathOf = (name: string): string | undefined => (dir === undefined ? undefined : join(dir, name))
  const searches = await ListFile.open({ path: pathOf('searches.json'), item: SearchItem })
  const shares = await ListFile.open({ path: pathOf('shares.json'), item: ShareItem })
  const rules = await ListFile.open({ path: pathOf('retention.json'), item: RuleItem })
  const refused = (kind: string, limit: string): void => counters.add('saved_refused_total', { kind, limit })
  return {
    searches: new SavedSearches(searches, { kind: 'search', max: searchesMax, perKeyMax, clock, refused }),
    shares: new SharedViews(shares, { kind: 'share', max: sharesMax, perKeyMax, clock, refused }),
    rules: new StoredRules(rules),
    async close() {
      await Promise.all([searches.settled(), shares.settled(), rules.settled()])
    },
  }
}

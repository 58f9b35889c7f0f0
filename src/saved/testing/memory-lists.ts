/** For tests: the lists without files. */
import { SAVED_LIMITS, type Saved, type SavedLimits } from '../saved.ts'
import { SavedSearches } from '../searches.ts'
import { SharedViews } from '../shares.ts'

class MemoryList<T> {
  items: readonly T[] = []

  async change(edit: (items: readonly T[]) => readonly T[]): Promise<void> {
    this.items = edit(this.items)
  }
}

export function memoryLists(limits: Partial<SavedLimits> = {}): Pick<Saved, 'searches' | 'shares'> {
  const { searchesMax, sharesMax, perKeyMax } = { ...SAVED_LIMITS, ...limits }
  const common = { perKeyMax, clock: Date.now, refused: () => undefined }
  return {
    searches: new SavedSearches(new MemoryList(), { kind: 'search', max: searchesMax, ...common }),
    shares: new SharedViews(new MemoryList(), { kind: 'share', max: sharesMax, ...common }),
  }
}

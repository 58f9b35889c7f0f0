import { randomBytes } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { AppError } from '../core/errors.ts'
import type { KeptList } from './list-file.ts'
import { admit, isOwn, notFound, ownership, Ownership, type ListLimits, type Owner } from './ownership.ts'

/** What makes a search: everything that the page shows of it. */
export const SearchContent = Type.Object({
  name: Type.String(),
  query: Type.String(),
  /** As in a query: a time, a time ago such as -1h, or empty. */
  start: Type.String(),
  end: Type.String(),
  columns: Type.Array(Type.String()),
})
export type SearchContent = Static<typeof SearchContent>

/** A search as the file has it. Times are milliseconds since 1970. */
export const SearchItem = Type.Object({
  id: Type.String(),
  ...SearchContent.properties,
  ...Ownership.properties,
  updatedMs: Type.Integer({ minimum: 0 }),
})
export type SearchItem = Static<typeof SearchItem>

/**
 * Searches with a name. Whoever reads everything sees all of them; a key with a filter those that were saved with it,
 * since the text of others may tell what the filter hides.
 */
export class SavedSearches {
  readonly #list: KeptList<typeof SearchItem>
  readonly #limits: ListLimits

  constructor(list: KeptList<typeof SearchItem>, limits: ListLimits) {
    this.#list = list
    this.#limits = limits
  }

  /** Those that this one may see, by name. */
  list(owner: Owner): SearchItem[] {
    return this.#list.items
      .filter((item) => isVisible(item, owner))
      .toSorted((a, b) => a.name.localeCompare(b.name) || a.createdMs - b.createdMs)
  }

  mayChange(item: SearchItem, owner: Owner): boolean {
    return owner.isAdmin || isOwn(item, owner)
  }

  /** Resolves once it is on disk. Rejects with SAVED_FULL. */
  async add(content: SearchContent, owner: Owner): Promise<SearchItem> {
    const nowMs = this.#limits.clock()
    const id = randomBytes(9).toString('base64url')
    const item = { id, ...content, ...ownership(owner, nowMs), updatedMs: nowMs }
    await this.#list.change((items) => {
      admit(items, owner, this.#limits)
      return [...items, item]
    })
    return item
  }

  /** Puts other content in its place. Rejects with SAVED_NOT_FOUND, ACCESS_DENIED. */
  async replace(id: string, content: SearchContent, owner: Owner): Promise<SearchItem> {
    let changed: SearchItem | undefined
    await this.#list.change((items) => {
      const found = changeable(items, id, owner)
      const next = { ...found, ...content, updatedMs: this.#limits.clock() }
      changed = next
      return items.map((item) => (item === found ? next : item))
    })
    if (!changed) throw notFound('search')
    return changed
  }

  /** Rejects with SAVED_NOT_FOUND, ACCESS_DENIED. */
  async remove(id: string, owner: Owner): Promise<SearchItem> {
    let removed: SearchItem | undefined
    await this.#list.change((items) => {
      removed = changeable(items, id, owner)
      return items.filter((item) => item !== removed)
    })
    if (!removed) throw notFound('search')
    return removed
  }
}

function isVisible(item: SearchItem, owner: Owner): boolean {
  return owner.isAdmin || owner.filter === '' || isOwn(item, owner)
}

function changeable(items: readonly SearchItem[], id: string, owner: Owner): SearchItem {
  const found = items.find((item) => item.id === id && isVisible(item, owner))
  if (!found) throw notFound('search')
  if (owner.isAdmin || isOwn(found, owner)) return found
  throw new AppError('ACCESS_DENIED', {
    detail: `The search “${found.name}” was saved with another key.`,
    hint: 'Save it under a name of your own, or use an admin key.',
  })
}

import { randomBytes } from 'node:crypto'
import Type, { type Static } from 'typebox'
import type { KeptList } from './list-file.ts'
import { admit, isOwn, notFound, ownership, Ownership, type ListLimits, type Owner } from './ownership.ts'

export const ShareItem = Type.Object({
  id: Type.String(),
  /** Path and query of the page. */
  address: Type.String(),
  ...Ownership.properties,
})
export type ShareItem = Static<typeof ShareItem>

/** 128 bits: nobody finds one by trying. */
const ID_BYTES = 16

/** Views of the page under short ids. Whoever has the id and may read sees the view, within what that one may read. */
export class SharedViews {
  readonly #list: KeptList<typeof ShareItem>
  readonly #limits: ListLimits

  constructor(list: KeptList<typeof ShareItem>, limits: ListLimits) {
    this.#list = list
    this.#limits = limits
  }

  /** Newest first: of an admin those of everybody, else one's own. */
  list(owner: Owner): ShareItem[] {
    return this.#list.items.filter((item) => owner.isAdmin || isOwn(item, owner)).toReversed()
  }

  /** Rejects with SAVED_NOT_FOUND. */
  find(id: string): ShareItem {
    const found = this.#list.items.find((item) => item.id === id)
    if (!found) throw notFound('share')
    return found
  }

  /** The same view of the same key keeps its id. Resolves once it is on disk. Rejects with SAVED_FULL. */
  async add(address: string, owner: Owner): Promise<{ share: ShareItem; isNew: boolean }> {
    const made = { id: randomBytes(ID_BYTES).toString('base64url'), address, ...ownership(owner, this.#limits.clock()) }
    let share = made
    await this.#list.change((items) => {
      const known = items.find((item) => item.address === address && isSameOwner(item, made))
      if (known) {
        share = known
        return items
      }
      admit(items, owner, this.#limits)
      return [...items, made]
    })
    return { share, isNew: share === made }
  }

  /** Rejects with SAVED_NOT_FOUND, also for somebody else's. */
  async remove(id: string, owner: Owner): Promise<ShareItem> {
    let removed: ShareItem | undefined
    await this.#list.change((items) => {
      removed = items.find((item) => item.id === id && (owner.isAdmin || isOwn(item, owner)))
      if (!removed) throw notFound('share')
      return items.filter((item) => item !== removed)
    })
    if (!removed) throw notFound('share')
    return removed
  }
}

function isSameOwner(a: Ownership, b: Ownership): boolean {
  return a.keyId === b.keyId && a.filter === b.filter
}

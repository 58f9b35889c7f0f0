import Type, { type Static } from 'typebox'
import { AppError } from '../core/errors.ts'

/** On whose behalf something is kept or looked for. */
export interface Owner {
  /** Id of the key; empty while there are no keys. */
  keyId: string
  /** What the key is called. */
  name: string
  /** What it reads has to pass this; empty: it reads everything. */
  filter: string
  /** May change and see what anybody has kept. */
  isAdmin: boolean
}

/** Whose an item is, and since when. */
export const Ownership = Type.Object({
  keyId: Type.String(),
  /** Of the key, when the item was made. */
  by: Type.String(),
  /** A token reads within a filter of its own: then what its key keeps is not its. */
  filter: Type.String(),
  createdMs: Type.Integer({ minimum: 0 }),
})
export type Ownership = Static<typeof Ownership>

export interface ListLimits {
  kind: 'search' | 'share'
  max: number
  perKeyMax: number
  /** Milliseconds since 1970. */
  clock: () => number
  /** Told the name of the limit at each refusal. */
  refused: (kind: string, limit: string) => void
}

export function ownership({ keyId, name, filter }: Owner, createdMs: number): Ownership {
  return { keyId, by: name, filter, createdMs }
}

/** What was kept while there were no keys is nobody's. */
export function isOwn(item: Ownership, owner: Owner): boolean {
  return item.keyId !== '' && item.keyId === owner.keyId && item.filter === owner.filter
}

/** Throws SAVED_FULL when there is no room for another item of this owner. */
export function admit(items: readonly Ownership[], owner: Owner, limits: ListLimits): void {
  const { kind, max, perKeyMax, refused } = limits
  const plural = kind === 'search' ? 'searches' : 'shared views'
  const full = (limit: string, detail: string): AppError => {
    refused(kind, limit)
    return new AppError('SAVED_FULL', { detail, hint: 'Remove some that nobody needs any more, in the settings.' })
  }
  if (items.length >= max) throw full('all', `There are ${max} ${plural}, which is the limit.`)
  if (owner.keyId === '') return
  const own = items.filter(({ keyId }) => keyId === owner.keyId).length
  if (own >= perKeyMax) throw full('key', `There are ${perKeyMax} ${plural} of this key, which is the limit.`)
}

export function notFound(kind: ListLimits['kind']): AppError {
  return new AppError('SAVED_NOT_FOUND', {
    detail: `There is no ${kind === 'search' ? 'search' : 'shared view'} with this id.`,
  })
}

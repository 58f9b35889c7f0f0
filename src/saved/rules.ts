import { createHash } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { AppError } from '../core/errors.ts'
import type { KeptList } from './list-file.ts'

/** A rule of retention: how long events are kept that the filter selects. Milliseconds; 0: for ever. */
export const RuleItem = Type.Object({ filter: Type.String(), age: Type.Integer({ minimum: 0 }) })
export type RuleItem = Static<typeof RuleItem>

/** Rules of retention that were set while the server runs. In order: the first that selects an event decides. */
export class StoredRules {
  readonly #list: KeptList<typeof RuleItem>

  constructor(list: KeptList<typeof RuleItem>) {
    this.#list = list
  }

  get rules(): readonly RuleItem[] {
    return this.#list.items
  }

  /** Tells one state of the list from others. */
  get revision(): string {
    return revisionOf(this.#list.items)
  }

  /**
   * Puts these in the place of all. Rejects with SAVED_CHANGED when `revision` is not what there is: somebody else has
   * changed them meanwhile.
   */
  async replace(rules: readonly RuleItem[], revision: string): Promise<void> {
    await this.#list.change((items) => {
      if (revisionOf(items) === revision) return rules
      throw new AppError('SAVED_CHANGED', {
        detail: 'The rules are not as they were when you began.',
        hint: 'Look at them again, and repeat what you wanted to change.',
      })
    })
  }
}

function revisionOf(items: readonly RuleItem[]): string {
  return createHash('sha256').update(JSON.stringify(items)).digest('base64url').slice(0, 16)
}

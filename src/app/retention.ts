import type { RetentionRuleText, RetentionSettings } from '../api/context.ts'
import { AppError } from '../core/errors.ts'
import type { StoredRules } from '../saved/rules.ts'
import type { KeepRule } from '../store/retention-filters.ts'
import type { Store } from '../store/store.ts'
import type { Config } from './config.ts'
import { ageText, keepRules, parseRules, ruleProblems, type RetentionRule } from './retention-rules.ts'

/** The rules as the store applies them: those of the configuration first, then those that were set while it ran. */
export function rulesInForce({ retention }: Pick<Config, 'retention'>, stored: Pick<StoredRules, 'rules'>) {
  return (nowMs: number): KeepRule[] => keepRules([...retention.rules, ...stored.rules], nowMs)
}

export interface RetentionOptions {
  stored: StoredRules
  store: Pick<Store, 'previewRetention'>
  /** Milliseconds since 1970. */
  nowMs: () => number
}

/** What the API may know and change of retention. */
export function createRetention(
  { retention }: Pick<Config, 'retention'>,
  { stored, store, nowMs }: RetentionOptions,
): RetentionSettings {
  return {
    current: () => ({
      ageMs: retention.age,
      diskBytes: retention.diskBytes,
      configured: retention.rules.map(textOf),
      rules: stored.rules.map(textOf),
      revision: stored.revision,
    }),
    change: (rules, revision) => stored.replace(checkedRules(rules), revision),
    async preview(rules, signal) {
      const keep = keepRules([...retention.rules, ...checkedRules(rules)], nowMs())
      const doomed = await store.previewRetention(keep, { signal })
      return doomed.map(({ ageMs, ...found }) => ({ ...found, age: ageText(ageMs) }))
    },
  }
}

/** Rings have their sizes: nothing is kept for a time. */
export const RETENTION_OF_MEMORY: RetentionSettings = {
  current: () => ({ ageMs: 0, diskBytes: 0, configured: [], rules: [], revision: '' }),
  change: () => Promise.reject(noRules()),
  preview: () => Promise.reject(noRules()),
}

function noRules(): AppError {
  return new AppError('STORAGE_IN_MEMORY', {
    detail: 'Events in memory have no retention: the oldest make room for newer ones.',
    hint: 'Give more room with live.ringsBytesMax, live.ringBytes and rings.',
  })
}

function textOf({ filter, age }: RetentionRule): RetentionRuleText {
  return { filter, age: ageText(age) }
}

/** Throws REQUEST_INVALID with everything that is wrong. */
function checkedRules(rules: readonly RetentionRuleText[]): RetentionRule[] {
  const ages = rules.map((rule) => parseRules([rule])?.[0])
  const parsed = ages.filter((rule) => rule !== undefined)
  const problems = [
    ...rules.flatMap(({ age }, index) =>
      ages[index] === undefined ? [`rules[${index}]: ${JSON.stringify(age)} is not an age such as 2d, 1y or 0`] : [],
    ),
    ...ruleProblems(
      rules.map(({ filter }) => ({ filter, age: 0 })),
      'rules',
    ),
  ]
  if (problems.length === 0) return parsed
  throw new AppError('REQUEST_INVALID', { detail: problems.join('; '), problems })
}

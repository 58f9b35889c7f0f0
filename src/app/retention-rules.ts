import { formatDuration, NS_PER_MS, parseDuration } from '../core/time.ts'
import { checkFilter, compile, toFilterSql } from '../query/query.ts'
import type { KeepRule } from '../store/retention-filters.ts'

/** A rule as the setting has it: milliseconds, 0 for ever. */
export interface RetentionRule {
  filter: string
  age: number
}

const RULES_MAX = 100
const YEAR = /^(\d{1,3})y$/
const MS_PER_YEAR = 365 * 86_400_000

/** A list of `{ filter, age }`, or `filter=>age; filter=>age`; `undefined` for anything else. */
export function parseRules(raw: unknown): RetentionRule[] | undefined {
  const given = typeof raw === 'string' ? splitRules(raw) : raw
  if (!Array.isArray(given)) return undefined
  const rules = given.map((rule: unknown) => readRule(rule))
  return rules.every((rule) => rule !== undefined) ? rules : undefined
}

/** The last arrow counts, so that a filter may hold one. */
function splitRules(text: string): unknown[] {
  return text
    .split(';')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const at = part.lastIndexOf('=>')
      return at === -1 ? undefined : { filter: part.slice(0, at).trim(), age: part.slice(at + 2).trim() }
    })
}

function readRule(rule: unknown): RetentionRule | undefined {
  if (typeof rule !== 'object' || rule === null) return undefined
  const { filter, age, ...others } = rule as Record<string, unknown>
  const ageMs = typeof age === 'string' ? parseAge(age.trim()) : age === 0 ? 0 : undefined
  if (typeof filter !== 'string' || ageMs === undefined || Object.keys(others).length > 0) return undefined
  return { filter, age: ageMs }
}

function parseAge(text: string): number | undefined {
  const years = YEAR.exec(text)?.[1]
  if (years !== undefined) return Number(years) * MS_PER_YEAR
  const ns = text === '0' ? 0n : parseDuration(text)
  return ns === undefined ? undefined : Number(ns / NS_PER_MS)
}

/** What is wrong with the filters of a list of this name, in sentences. */
export function ruleProblems(rules: readonly RetentionRule[], list = 'retention.rules'): string[] {
  if (rules.length > RULES_MAX) return [`${list} has more than ${RULES_MAX} rules`]
  return rules.flatMap(({ filter }, index) => {
    const problem = filter.trim() === '' ? 'the filter is empty' : checkFilter(filter, 0n)
    return problem === undefined ? [] : [`${list}[${index}] ${JSON.stringify(filter)}: ${problem}`]
  })
}

/** As a person writes it, and `parseRules` reads it. */
export function ageText(ageMs: number): string {
  if (ageMs === 0) return '0'
  const text = formatDuration(BigInt(ageMs) * NS_PER_MS)
  return parseAge(text) === ageMs ? text : `${ageMs}ms`
}

/** The rules as the store applies them. They must have no problems. Relative times count from `nowMs`. */
export function keepRules(rules: readonly RetentionRule[], nowMs: number): KeepRule[] {
  return rules.map(({ filter, age }) => {
    const { query } = compile(filter, { nowNs: BigInt(nowMs) * NS_PER_MS, target: 'tail' })
    if (!query) throw new Error(`the rule ${filter} is not a filter any more`)
    return { filter, ageMs: age, condition: toFilterSql(query) }
  })
}

import { RE2JS } from 're2js'
import { REGEX_COST_MAX, REGEX_LENGTH_MAX } from '../limits.ts'
import type { Problems, Span } from '../problem.ts'
import type { Pattern } from './checked.ts'
import { safeForEngine } from './regex-source.ts'

/** Checks the regular expressions of one query, against one budget for all of them. */
export interface RegexChecker {
  check(source: string, flags: string, span: Span): Pattern | undefined
  /** Those of a few short texts that a checked pattern matches. */
  select<T extends string>(pattern: Pattern, texts: readonly T[]): T[]
  /** The named groups of a checked pattern, with their numbers. */
  groups(pattern: Pattern): { name: string; index: number }[]
}

/** Work that all expressions of a query may cause before they are compiled: characters × repetitions. */
const WORK_MAX = 1_000_000

export function createRegexChecker(problems: Problems): RegexChecker {
  let workLeft = WORK_MAX
  return {
    select(pattern, texts) {
      const compiled = RE2JS.compile(pattern.full)
      return texts.filter((text) => compiled.test(text))
    },
    groups(pattern) {
      const named = RE2JS.compile(pattern.full).namedGroups()
      return Object.entries(named).map(([name, index]) => ({ name, index }))
    },
    check(source, flags, span) {
      const unknown = /[^ism]/.exec(flags)
      if (unknown) {
        const hint = 'i ignores case, s lets . match line breaks, m lets ^ and $ match at line breaks'
        problems.add('QUERY_BAD_REGEX', span, `there is no flag ${unknown[0]} for a regular expression`, hint)
        return undefined
      }
      workLeft -= workOf(source)
      if (source.length > REGEX_LENGTH_MAX || workLeft < 0) {
        problems.add('QUERY_BAD_REGEX', span, 'the regular expression is too large')
        return undefined
      }
      const full = withFlags(safeForEngine(source), flags)
      try {
        const compiled = RE2JS.compile(full)
        if (engineCost(compiled, source) > REGEX_COST_MAX) {
          problems.add('QUERY_BAD_REGEX', span, 'the regular expression is too large once its repetitions are counted')
          return undefined
        }
        return { source, flags, full, matchesEmpty: compiled.test('') }
      } catch (error) {
        problems.add(
          'QUERY_BAD_REGEX',
          span,
          `the regular expression is not valid: ${reasonOf(error)}`,
          hintFor(source),
        )
        return undefined
      }
    },
  }
}

/** Without the flag `s`, `.` does not match a line break: said explicitly, because ClickHouse's default differs. */
function withFlags(source: string, flags: string): string {
  const on = [...new Set(flags)].sort().join('')
  const off = !flags.includes('s') && source.includes('.') ? '-s' : ''
  return on === '' && off === '' ? source : `(?${on}${off})${source}`
}

function workOf(source: string): number {
  let repetitions = 1
  for (const [, low, high] of source.matchAll(/\{(\d{1,4})(?:,(\d{0,4}))?\}/g)) {
    repetitions = Math.min(1000, repetitions * Math.max(1, Number(low), Number(high ?? 0)))
  }
  return source.length * repetitions
}

/** The engine compiles to bytes: a class costs it about ten instructions, a Unicode class hundreds. */
function engineCost(compiled: RE2JS, source: string): number {
  return compiled.programSize() * (/\\[pP]/.test(source) ? 200 : 10)
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/^error parsing regexp: /, '')
}

function hintFor(source: string): string | undefined {
  if (/\(\?<?[=!]/.test(source)) return 'RE2 has no look-ahead and no look-behind'
  if (/\\[1-9]/.test(source)) return 'RE2 has no back-references'
  return undefined
}

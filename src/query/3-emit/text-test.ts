import { RE2JS } from 're2js'
import type { CompareOp, Test } from '../2-check/checked.ts'
import { compareBytes, foldedPattern, hasOnlyAsciiCase, lowerAscii, numberOf } from '../text.ts'

/** A test of one text, as the definitions in docs/query.md have it: the same as the SQL of `sql-filter.ts`. */
export function textTest(test: Test): (text: string) => boolean {
  switch (test.kind) {
    case 'present':
      return (text) => text !== ''
    case 'equals':
      return equalsTest(test.text, test.exactCase)
    case 'parts':
      return partsTest(test.parts, test.anchored)
    case 'compare':
      return compareTest(test)
    case 'regex': {
      const { full, matchesEmpty } = test.pattern
      const pattern = RE2JS.compile(full)
      return matchesEmpty ? (text) => text !== '' && pattern.test(text) : (text) => pattern.test(text)
    }
    case 'severities':
    case 'time':
    case 'number':
      throw new TypeError(`${test.kind} is not a test of a text`)
  }
}

function equalsTest(text: string, exactCase: boolean): (text: string) => boolean {
  if (exactCase) {
    const lower = lowerAscii(text)
    const upper = text.replace(/[a-z]+/g, (run) => run.toUpperCase())
    return (value) => value === text || value === lower || value === upper
  }
  const pattern = caseless(text, '^', '$', '')
  return (value) => pattern.test(value)
}

/** A JavaScript expression for a literal text in either case; never more than ASCII case for ASCII letters. */
function caseless(text: string, before: string, after: string, flags: string): RegExp {
  if (hasOnlyAsciiCase(text)) {
    // Without the flag `u`, `i` does not let letters beyond ASCII match ASCII ones.
    const escaped = text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
    return isAscii(text) ? new RegExp(before + escaped + after, `i${flags}`) : foldedRegExp(text, before, after, flags)
  }
  return foldedRegExp(text, before, after, flags)
}

function foldedRegExp(text: string, before: string, after: string, flags: string): RegExp {
  return new RegExp(before + foldedPattern(text, 'javascript') + after, `u${flags}`)
}

/** The parts in their order, each as early as possible: no backtracking. */
function partsTest(parts: readonly string[], anchored: boolean): (text: string) => boolean {
  const first = anchored ? parts[0] : undefined
  const last = anchored ? parts.at(-1) : undefined
  const middle = (anchored ? parts.slice(1, -1) : parts).filter((part) => part !== '')
  const start = first ? caseless(first, '^', '', '') : undefined
  const end = last ? caseless(last, '', '$', '') : undefined
  const [only] = middle
  if (!start && !end && middle.length === 1 && only !== undefined) {
    const pattern = caseless(only, '', '', '')
    return (text) => pattern.test(text)
  }
  const patterns = middle.map((part) => caseless(part, '', '', 'g'))
  return (text) => {
    let at = 0
    if (start) {
      const match = start.exec(text)
      if (!match) return false
      at = match[0].length
    }
    for (const pattern of patterns) {
      pattern.lastIndex = at
      if (!pattern.test(text)) return false
      at = pattern.lastIndex
    }
    return !end || text.slice(at).search(end) >= 0
  }
}

function compareTest(test: Extract<Test, { kind: 'compare' }>): (text: string) => boolean {
  const bound = lowerAscii(test.text)
  const { op, number } = test
  return (text) => {
    if (text === '') return false
    const value = number === undefined ? undefined : numberOf(text)
    if (number !== undefined && value !== undefined) return holds(op, value, number)
    return holds(op, compareBytes(lowerAscii(text), bound), 0)
  }
}

/** What a comparison says of two numbers. */
export function holds(op: CompareOp, a: number, b: number): boolean {
  switch (op) {
    case '>':
      return a > b
    case '>=':
      return a >= b
    case '<':
      return a < b
    case '<=':
      return a <= b
  }
}

/** Whether a test looks at nothing but ASCII, so that it may be given bytes. */
export function isBytewise(test: Test): boolean {
  if (test.kind === 'present') return true
  if (test.kind === 'equals') return isAscii(test.text)
  return test.kind === 'parts' && test.parts.every(isAscii)
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}

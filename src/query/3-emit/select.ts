import { RE2JS } from 're2js'
import type { EventView } from '../../core/batch.ts'
import { eventJson, type EventJson } from '../../core/event.ts'
import type { CheckedQuery, CompareOp, Field, Filter, Test } from '../2-check/checked.ts'
import { compareBytes, foldedPattern, hasOnlyAsciiCase, lowerAscii, numberOf } from '../text.ts'
import type { TimeRange } from '../query.ts'
import { onlyShown } from './rows.ts'
import { createReaders, type Readers, type TextReader } from './select-fields.ts'
import { shownOf } from './sql-events.ts'

type Predicate = (event: EventView) => boolean

/**
 * Checked query (of target `tail`) → what a row becomes for a reader, or undefined when the reader did not ask for it.
 * Selects the same rows as `toFilterSql`. `node` is the name of the server whose rows these are. Not for use by two
 * readers at once: it remembers the row it is at.
 */
export function toSelector(
  query: CheckedQuery,
  options: { node: string },
): (event: EventView) => Partial<EventJson> | undefined {
  const readers = createReaders(query.pipes, options.node)
  const predicates = [
    ...rangePredicates(query.range),
    predicateOf(query.filter, readers),
    ...query.pipes.flatMap((pipe) => (pipe.kind === 'where' ? [predicateOf(pipe.filter, readers)] : [])),
  ]
  const show = printer(query, readers, options.node)
  return (event) => {
    readers.next()
    for (const predicate of predicates) if (!predicate(event)) return undefined
    return show(event)
  }
}

function printer(query: CheckedQuery, readers: Readers, node: string): (event: EventView) => Partial<EventJson> {
  const shown = shownOf(query)
  if (!shown || shown.attributes === 'all') {
    return (event) => {
      const made = readers.made.map((read) => read(event))
      const whole = eventJson(event.toEvent(), node)
      for (const fields of made) Object.assign(whole.attributes, Object.fromEntries(fields))
      return onlyShown(query, whole, node)
    }
  }
  const attributes = shown.attributes.map(({ name, field }) => ({ name, read: readers.text(field) }))
  return (event) => {
    const whole = eventJson({ ...event.toEvent(), attributes: new Map() }, node)
    const found = attributes.map(({ name, read }) => [name, read(event)]).filter(([, value]) => value !== '')
    return onlyShown(query, { ...whole, attributes: Object.fromEntries(found) }, node)
  }
}

function rangePredicates({ fromNs, toNs }: TimeRange): Predicate[] {
  if (fromNs === undefined && toNs === undefined) return []
  return [(event) => isBetween(event.timestampNs, fromNs, toNs)]
}

function isBetween(ns: bigint, fromNs: bigint | undefined, toNs: bigint | undefined): boolean {
  return (fromNs === undefined || ns >= fromNs) && (toNs === undefined || ns < toNs)
}

function predicateOf(filter: Filter, readers: Readers): Predicate {
  switch (filter.kind) {
    case 'all':
      return () => true
    case 'not': {
      const item = predicateOf(filter.item, readers)
      return (event) => !item(event)
    }
    case 'and': {
      const items = filter.items.map((item) => predicateOf(item, readers))
      return (event) => items.every((item) => item(event))
    }
    case 'or': {
      const items = filter.items.map((item) => predicateOf(item, readers))
      return (event) => items.some((item) => item(event))
    }
    case 'test':
      return testOf(filter.field, filter.test, readers)
  }
}

function testOf(field: Field, test: Test, readers: Readers): Predicate {
  if (test.kind === 'severities') {
    const numbers = new Set(test.numbers)
    return (event) => numbers.has(event.severity)
  }
  if (field.kind === 'time') {
    if (test.kind !== 'time') return () => true
    const { fromNs, toNs } = test
    const read =
      field.name === 'timestamp' ? (event: EventView) => event.timestampNs : (event: EventView) => event.receivedNs
    return (event) => isBetween(read(event), fromNs, toNs)
  }
  const matches = textTest(test)
  if (field.kind === 'text' && field.name !== 'node' && isBytewise(test)) {
    const { name } = field
    // One character per byte: enough for ASCII, and cheaper than decoding.
    return (event) => matches(event.textBytes(name).toString('latin1'))
  }
  const read: TextReader = readers.text(field)
  return (event) => matches(read(event))
}

/** Whether a test looks at nothing but ASCII, so that it may be given bytes. */
function isBytewise(test: Test): boolean {
  if (test.kind === 'present') return true
  if (test.kind === 'equals') return isAscii(test.text)
  return test.kind === 'parts' && test.parts.every(isAscii)
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}

function textTest(test: Test): (text: string) => boolean {
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

function holds(op: CompareOp, a: number, b: number): boolean {
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

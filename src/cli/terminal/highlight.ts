import type { RE2JS } from 're2js'

/** Finds what to highlight: start and end offsets, in order, not overlapping. */
export type Finder = (text: string) => [from: number, to: number][]

/**
 * What a query looks for in messages: its bare words, quoted texts and regular expressions that are not negated. Only
 * for showing them; it reads the query roughly and takes what it does not understand for nothing to highlight.
 */
export async function messageFinder(query: string): Promise<Finder> {
  const texts: string[] = []
  const expressions: RE2JS[] = []
  for (const term of searchedTerms(query)) {
    if (term.kind === 'text') texts.push(...term.text.split('*').filter((part) => part.trim() !== ''))
    else expressions.push(...(await compile(term.text, term.flags)))
  }
  const literals = texts.map((text) => new RegExp(escapeExpression(text), 'giu'))
  return (text) => {
    const ranges: [number, number][] = []
    for (const literal of literals) {
      for (const match of text.matchAll(literal)) ranges.push([match.index, match.index + match[0].length])
    }
    for (const expression of expressions) {
      const matcher = expression.matcher(text)
      while (matcher.find()) if (matcher.end() > matcher.start()) ranges.push([matcher.start(), matcher.end()])
    }
    return merge(ranges)
  }
}

interface Term {
  kind: 'text' | 'expression'
  text: string
  flags: string
}

const TOKEN =
  /\s+|(?<open>\()|(?<close>\))|(?<pipe>\|)|(?<minus>-(?=[^\s)]))|(?<field>[^\s():|"/-][^\s():|"]*:|"(?:[^"\\]|\\.)*":)|(?<quoted>"(?:[^"\\]|\\.)*")|(?<expression>\/(?:[^/\\]|\\.)*\/[a-z]*)|(?<word>[^\s()|]+)/y
const MESSAGE_FIELDS: ReadonlySet<string> = new Set(['message', 'msg', '_msg'])

function searchedTerms(query: string): Term[] {
  const terms: Term[] = []
  /** For each open group: whether what is in it is not searched for in the message. */
  const hidden = [false]
  let hidesNext = false
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(query); match?.groups; match = TOKEN.exec(query)) {
    const { open, close, pipe, minus, field, quoted, expression, word } = match.groups
    if (pipe) break
    const isHidden = hidesNext || (hidden.at(-1) ?? false)
    if (open) hidden.push(isHidden)
    else if (close) hidden.pop()
    else if (minus || word?.toUpperCase() === 'NOT') {
      hidesNext = true
      continue
    } else if (field) {
      hidesNext ||= !MESSAGE_FIELDS.has(field.slice(0, -1).toLowerCase())
      continue
    } else if (!isHidden && quoted) terms.push({ kind: 'text', text: unquote(quoted), flags: '' })
    else if (!isHidden && expression) terms.push(regularTerm(expression))
    else if (!isHidden && word && !/^(?:AND|OR)$/i.test(word)) terms.push({ kind: 'text', text: word, flags: '' })
    if (match[0].trim() !== '') hidesNext = false
  }
  return terms
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1')
}

function regularTerm(expression: string): Term {
  const end = expression.lastIndexOf('/')
  return { kind: 'expression', text: expression.slice(1, end), flags: expression.slice(end + 1) }
}

/** RE2, as the server does: an expression that is slow elsewhere is not slow here. Loaded when there is one. */
async function compile(text: string, flags: string): Promise<RE2JS[]> {
  const { RE2JS } = await import('re2js')
  try {
    return [RE2JS.compile(text, flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0)]
  } catch {
    // The server says what is wrong with it; here it only means that nothing is highlighted.
    return []
  }
}

function escapeExpression(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}

function merge(ranges: [number, number][]): [number, number][] {
  const merged: [number, number][] = []
  for (const [from, to] of ranges.sort(([a], [b]) => a - b)) {
    const last = merged.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}

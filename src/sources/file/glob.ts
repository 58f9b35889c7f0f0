import { sep } from 'node:path'

/** A pattern of paths, absolute. */
export interface Glob {
  text: string
  /** The folders before the first wildcard: where to begin to look. */
  root: string
  /** How many folders below the root may hold matching files; Infinity with `**`. */
  depth: number
  matches(path: string): boolean
}

const SPECIAL = /[*?[{]/

/**
 * `*` and `?` stay within a name, `**` passes over any number of folders, `[ab]` and `[!ab]` are one character of a set,
 * `{a,b}` one of several texts. A name that begins with a dot is matched only by a pattern that says the dot. Throws
 * RangeError when brackets or braces are not closed.
 */
export function parseGlob(text: string): Glob {
  const parts = text.split(sep)
  const firstSpecial = parts.findIndex((part) => SPECIAL.test(part))
  const fixed = firstSpecial < 0 ? parts.slice(0, -1) : parts.slice(0, firstSpecial)
  const rest = parts.slice(fixed.length)
  const pattern = new RegExp(`^${expression(text)}$`)
  return {
    text,
    root: fixed.join(sep) || sep,
    depth: rest.includes('**') ? Infinity : rest.length - 1,
    matches: (path) => pattern.test(path),
  }
}

function expression(text: string): string {
  const parts = text.split('/')
  let result = ''
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1
    if (part === '**') result += isLast ? String.raw`(?:(?!\.)[^/]+/)*(?!\.)[^/]+` : String.raw`(?:(?!\.)[^/]+/)*`
    else result += (SPECIAL.test(part[0] ?? '') ? String.raw`(?!\.)` : '') + nameExpression(part) + (isLast ? '' : '/')
  }
  return result
}

function nameExpression(name: string): string {
  let result = ''
  for (let at = 0; at < name.length; at++) {
    const character = name[at] ?? ''
    if (character === '*') result += '[^/]*'
    else if (character === '?') result += '[^/]'
    else if (character === '[' || character === '{') {
      const end = name.indexOf(character === '[' ? ']' : '}', at + 1)
      if (end < 0) throw new RangeError(`${character} is not closed in ${name}`)
      const inner = name.slice(at + 1, end)
      result += character === '[' ? setExpression(inner) : `(?:${inner.split(',').map(nameExpression).join('|')})`
      at = end
    } else result += character.replace(/[.+^$()|\\\]}]/, String.raw`\$&`)
  }
  return result
}

function setExpression(inner: string): string {
  const isNegated = inner.startsWith('!') || inner.startsWith('^')
  return `[${isNegated ? '^/' : ''}${inner.slice(isNegated ? 1 : 0).replaceAll(/[\\\]^]/g, String.raw`\$&`)}]`
}

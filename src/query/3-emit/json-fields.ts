/**
 * The fields of a JSON object in a text, as ClickHouse's `JSONExtractString` gives them: strings as their text, numbers
 * in their shortest form, true and false, nested values as compact JSON; null is absent; of a key that stands twice the
 * first counts. A text that is no JSON object, as a whole and strictly, has no fields; neither has one with an integer
 * beyond 64 bits, a number beyond a double, or half a surrogate pair, which ClickHouse's parser refuses.
 */

const NONE: ReadonlyMap<string, string> = new Map()
const INT_MIN = -(2n ** 63n)
const INT_MAX = 2n ** 64n - 1n
const DEPTH_MAX = 500
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y

class NotJson extends Error {}

export function jsonFields(text: string): ReadonlyMap<string, string> {
  const first = /^[ \t\r\n]*\{/.test(text)
  if (!first) return NONE
  try {
    return new JsonReader(text).fields()
  } catch (error) {
    if (error instanceof NotJson) return NONE
    throw error
  }
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  fields(): Map<string, string> {
    const fields = new Map<string, string>()
    this.#members(0, (key, value, isString) => {
      if (!fields.has(key) && (isString || value !== 'null'))
        fields.set(key, isString ? (JSON.parse(value) as string) : value)
    })
    this.#space()
    if (this.#at < this.#text.length) throw new NotJson()
    return fields
  }

  #members(depth: number, take: (key: string, value: string, isString: boolean) => void): void {
    this.#expect('{')
    if (this.#skip('}')) return
    do {
      this.#space()
      const key = this.#string()
      this.#expect(':')
      this.#space()
      const isString = this.#text[this.#at] === '"'
      take(JSON.parse(key) as string, this.#value(depth + 1), isString)
    } while (this.#skip(','))
    this.#expect('}')
  }

  /** Reads one value and returns it as compact JSON. */
  #value(depth: number): string {
    if (depth > DEPTH_MAX) throw new NotJson()
    this.#space()
    switch (this.#text[this.#at]) {
      case '{': {
        const members: string[] = []
        this.#members(depth, (key, value) => members.push(`${compactString(key)}:${value}`))
        return `{${members.join(',')}}`
      }
      case '[':
        return this.#array(depth)
      case '"': {
        const string = this.#string()
        return depth === 1 ? string : compactString(JSON.parse(string) as string)
      }
      case 't':
        return this.#word('true')
      case 'f':
        return this.#word('false')
      case 'n':
        return this.#word('null')
      default:
        return this.#number()
    }
  }

  #array(depth: number): string {
    this.#expect('[')
    const items: string[] = []
    if (this.#skip(']')) return '[]'
    do items.push(this.#value(depth + 1))
    while (this.#skip(','))
    this.#expect(']')
    return `[${items.join(',')}]`
  }

  #number(): string {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (!match) throw new NotJson()
    this.#at = NUMBER.lastIndex
    const [digits, fraction, exponent] = match
    if (fraction === undefined && exponent === undefined) {
      const integer = BigInt(digits)
      if (integer < INT_MIN || integer > INT_MAX) throw new NotJson()
      return integer.toString()
    }
    const number = Number(digits)
    if (!Number.isFinite(number)) throw new NotJson()
    return Object.is(number, -0) ? '-0' : String(number).replace('e+', 'e')
  }

  /** Reads a string and returns it as written, with its quotes. */
  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') throw new NotJson()
    let at = start + 1
    for (;;) {
      const code = this.#text.charCodeAt(at)
      if (Number.isNaN(code) || code < 0x20) throw new NotJson()
      if (code === 0x22) break
      at += code === 0x5c ? 2 : 1
    }
    this.#at = at + 1
    const string = this.#text.slice(start, this.#at)
    if (!isString(string)) throw new NotJson()
    return string
  }

  #word(word: string): string {
    if (!this.#text.startsWith(word, this.#at)) throw new NotJson()
    this.#at += word.length
    return word
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #skip(char: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #expect(char: string): void {
    if (!this.#skip(char)) throw new NotJson()
  }
}

function isString(literal: string): boolean {
  if (!literal.includes('\\')) return true
  try {
    return !/\p{Cs}/u.test(JSON.parse(literal) as string)
  } catch {
    // An escape that JSON does not know.
    return false
  }
}

/** As ClickHouse writes strings inside nested JSON. */
function compactString(text: string): string {
  return JSON.stringify(text).replace(/[\u2028\u2029]/g, (char) => (char === '\u2028' ? '\\u2028' : '\\u2029'))
}

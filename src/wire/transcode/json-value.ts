/** Pieces of JSON (RFC 8259) at byte level. Raw control characters inside strings are let through: loggers write them. */

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d
export const OPEN_ARRAY = 0x5b
export const CLOSE_ARRAY = 0x5d
export const COMMA = 0x2c
export const COLON = 0x3a

const NULL_WORD = Buffer.from('null')
const TRUE_WORD = Buffer.from('true')
const FALSE_WORD = Buffer.from('false')

/** Offset of the first byte at or after `at` that is not white space. */
export function skipSpace(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
    at++
  }
  return at
}

/** Offset of the closing quote of the string whose content begins at `at`; −1 when it does not end before `end`. */
export function stringEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at]
    if (byte === QUOTE) return at
    at += byte === BACKSLASH ? 2 : 1
  }
  return -1
}

/** Offset after the number that begins at `at`; −1 when none does. */
export function numberEnd(bytes: Buffer, at: number, end: number): number {
  if (bytes[at] === 0x2d) at++
  const first = at
  at = digitsEnd(bytes, at, end)
  if (at === first || (bytes[first] === 0x30 && at > first + 1)) return -1
  if (at < end && bytes[at] === 0x2e) {
    const fraction = at + 1
    at = digitsEnd(bytes, fraction, end)
    if (at === fraction) return -1
  }
  if (at < end && ((bytes[at] as number) | 0x20) === 0x65) {
    at++
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
    const exponent = at
    at = digitsEnd(bytes, exponent, end)
    if (at === exponent) return -1
  }
  return at <= end ? at : -1
}

function digitsEnd(bytes: Buffer, at: number, end: number): number {
  while (at < end) {
    const byte = bytes[at] as number
    if (byte < 0x30 || byte > 0x39) break
    at++
  }
  return at
}

/** Offset after `true`, `false` or `null` at `at`; −1 when none of them stands there. */
export function literalEnd(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at]
  const word = first === 0x74 ? TRUE_WORD : first === 0x66 ? FALSE_WORD : first === 0x6e ? NULL_WORD : undefined
  if (!word || at + word.length > end) return -1
  for (let i = 1; i < word.length; i++) if (bytes[at + i] !== word[i]) return -1
  return at + word.length
}

/** Offset after the string, number or literal at `at`; −1 when none is there, or a string has a wrong escape. */
export function scalarEnd(bytes: Buffer, at: number, end: number): number {
  const byte = bytes[at] as number
  if (byte === QUOTE) {
    const close = stringEnd(bytes, at + 1, end)
    return close >= 0 && areEscapesValid(bytes, at + 1, close) ? close + 1 : -1
  }
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39) ? numberEnd(bytes, at, end) : literalEnd(bytes, at, end)
}

/**
 * Offset after the array or object at `at`, checked to be JSON whatever its depth (no recursion); −1 when it is not.
 */
export function compositeEnd(bytes: Buffer, at: number, end: number): number {
  let stack = new Uint8Array(64)
  let depth = 0
  // What may come next: a value, or (after one) a comma or the close.
  let wantsValue = true
  for (;;) {
    at = skipSpace(bytes, at, end)
    if (at >= end) return -1
    const byte = bytes[at] as number
    const isOpen = byte === OPEN_OBJECT || byte === OPEN_ARRAY
    if (wantsValue && isOpen) {
      if (depth === stack.length) stack = grown(stack)
      stack[depth++] = byte
      at = skipSpace(bytes, at + 1, end)
      if (bytes[at] === byte + 2 && at < end) wantsValue = false
      else if (byte === OPEN_OBJECT && (at = memberValue(bytes, at, end)) < 0) return -1
    } else if (wantsValue) {
      at = scalarEnd(bytes, at, end)
      if (at < 0) return -1
      wantsValue = false
    } else if (byte === COMMA) {
      at++
      wantsValue = true
      if (stack[depth - 1] === OPEN_OBJECT && (at = memberValue(bytes, skipSpace(bytes, at, end), end)) < 0) return -1
    } else {
      if (byte !== (stack[depth - 1] as number) + 2) return -1
      at++
      if (--depth === 0) return at
    }
  }
}

/** From a member's key to the begin of its value; −1 when it is not `"key":`. */
function memberValue(bytes: Buffer, at: number, end: number): number {
  if (at >= end || bytes[at] !== QUOTE) return -1
  const keyEnd = scalarEnd(bytes, at, end)
  if (keyEnd < 0) return -1
  const colon = skipSpace(bytes, keyEnd, end)
  return colon < end && bytes[colon] === COLON ? colon + 1 : -1
}

function grown(stack: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(stack.length * 4)
  larger.set(stack)
  return larger
}

/** Whether every escape between `at` and `end` is one that JSON knows. */
export function areEscapesValid(bytes: Buffer, at: number, end: number): boolean {
  while (at < end) {
    if (bytes[at] !== BACKSLASH) {
      at++
      continue
    }
    const kind = bytes[at + 1] as number
    if (kind === 0x75) {
      if (hex4(bytes, at + 2, end) < 0) return false
      at += 6
    } else {
      if (ESCAPED[kind] === 0) return false
      at += 2
    }
  }
  return true
}

/** What a byte after a backslash stands for; 0 where it stands for nothing. */
const ESCAPED = new Uint8Array(256)
for (const [name, byte] of Object.entries({ '"': 34, '\\': 92, '/': 47, b: 8, f: 12, n: 10, r: 13, t: 9 })) {
  ESCAPED[name.charCodeAt(0)] = byte
}

/** Four hex digits as a number; −1 when they are not, or reach beyond `end`. */
function hex4(bytes: Buffer, at: number, end: number): number {
  if (at + 4 > end) return -1
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i] as number
    const lower = byte | 0x20
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30
    else if (lower >= 0x61 && lower <= 0x66) value = value * 16 + lower - 0x57
    else return -1
  }
  return value
}

/**
 * Writes the string content between `at` and `end` without its escapes to `out` of the same buffer, which must have
 * room for as many bytes. Lone surrogates become U+FFFD. Where the text ended, −1 for an escape that does not exist.
 */
export function unescape(bytes: Buffer, at: number, end: number, out: number): number {
  while (at < end) {
    const byte = bytes[at] as number
    if (byte !== BACKSLASH) {
      bytes[out++] = byte
      at++
      continue
    }
    const kind = bytes[at + 1] as number
    if (kind !== 0x75) {
      const plain = ESCAPED[kind] as number
      if (plain === 0) return -1
      bytes[out++] = plain
      at += 2
      continue
    }
    let code = hex4(bytes, at + 2, end)
    if (code < 0) return -1
    at += 6
    if (code >= 0xd800 && code <= 0xdbff && bytes[at] === BACKSLASH && bytes[at + 1] === 0x75) {
      const low = hex4(bytes, at + 2, end)
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        at += 6
      }
    }
    out = writeCodePoint(bytes, out, code)
  }
  return out
}

function writeCodePoint(bytes: Buffer, out: number, code: number): number {
  if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd
  if (code < 0x80) {
    bytes[out++] = code
  } else if (code < 0x800) {
    bytes[out++] = 0xc0 | (code >> 6)
    bytes[out++] = 0x80 | (code & 0x3f)
  } else {
    if (code < 0x10000) {
      bytes[out++] = 0xe0 | (code >> 12)
    } else {
      bytes[out++] = 0xf0 | (code >> 18)
      bytes[out++] = 0x80 | ((code >> 12) & 0x3f)
    }
    bytes[out++] = 0x80 | ((code >> 6) & 0x3f)
    bytes[out++] = 0x80 | (code & 0x3f)
  }
  return out
}

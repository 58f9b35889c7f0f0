import { isUtf8 } from 'node:buffer'
import { CLOSE_ARRAY, COMMA, OPEN_ARRAY, skipSpace } from './json-value.ts'

/**
 * The journal of systemd writes a message that is not plain printable text, one with colours for example, as an array of
 * its bytes. Puts the text where the array stands, from `from` on, and returns its end; −1 when it is no such array.
 * Bytes that are no UTF-8 become U+FFFD, which is never longer than they were in digits.
 */
export function textOfByteArray(bytes: Buffer, from: number, to: number): number {
  const found = readBytes(bytes, from, to)
  if (!found) return -1
  const text = isUtf8(found) ? found : Buffer.from(found.toString('utf8'))
  text.copy(bytes, from)
  return from + text.length
}

function readBytes(bytes: Buffer, from: number, to: number): Buffer | undefined {
  if (bytes[from] !== OPEN_ARRAY || bytes[to - 1] !== CLOSE_ARRAY) return undefined
  const found = Buffer.allocUnsafe(Math.ceil((to - from) / 2))
  let count = 0
  for (let at = from + 1; ; at++) {
    at = skipSpace(bytes, at, to)
    const first = at
    let value = 0
    for (; at - first < 3 && isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] as number) - 0x30
    if (at === first || value > 0xff) return undefined
    found[count++] = value
    at = skipSpace(bytes, at, to)
    if (at === to - 1) return found.subarray(0, count)
    if (bytes[at] !== COMMA) return undefined
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

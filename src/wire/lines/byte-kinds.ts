/** Longest name of a month, a weekday or a zone. */
const NAME_BYTES_MAX = 9

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

export function isLetter(byte: number): boolean {
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x7a
}

/** A digit, a letter, or a byte of a character beyond ASCII. */
export function isWordByte(byte: number): boolean {
  return isDigit(byte) || isLetter(byte) || byte >= 0x80
}

/** Where the letters at `at` end, at most nine of them. */
export function lettersEnd(bytes: Buffer, at: number, end: number): number {
  const limit = Math.min(end, at + NAME_BYTES_MAX)
  while (at < limit && isLetter(bytes[at] as number)) at++
  return at
}

/** What programs print for a terminal → the text that a person sees in it. */

const ESCAPE = 0x1b
const RETURN = 0x0d
const BELL = 0x07
const BACKSPACE = 0x08
const NEWLINE = 0x0a

/** Whether a line of these bytes may need `plainLine`. */
export function hasControls(bytes: Buffer): boolean {
  return bytes.includes(ESCAPE) || bytes.includes(RETURN) || bytes.includes(BACKSPACE)
}

/**
 * One line, without its end, as it stands on the terminal in the end: of what a carriage return takes back (progress
 * bars) the last that shows something is left, and control sequences (ECMA-48: colours, cursor, titles) are taken away.
 * Other bytes stay as they are. Returns the same bytes where there is nothing to do.
 */
export function plainLine(line: Buffer): Buffer {
  if (!hasControls(line)) return line
  for (let end = line.length; ;) {
    const start = line.subarray(0, end).lastIndexOf(RETURN) + 1
    const plain = withoutSequences(line.subarray(start, end))
    if (start === 0 || !isBlank(plain)) return plain
    end = start - 1
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09)
}

function withoutSequences(bytes: Buffer): Buffer {
  const plain = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at] as number
    if (byte === ESCAPE) at = sequenceEnd(bytes, at)
    else {
      if (byte === BACKSPACE) length = characterBefore(plain, length)
      else plain[length++] = byte
      at++
    }
  }
  return plain.subarray(0, length)
}

function characterBefore(bytes: Buffer, end: number): number {
  let at = end
  while (at > 0 && ((bytes[--at] as number) & 0xc0) === 0x80);
  return at
}

/** Where the sequence that an escape begins is over; one that is cut off takes nothing that shows with it but itself. */
function sequenceEnd(bytes: Buffer, at: number): number {
  const kind = bytes[at + 1]
  if (kind === undefined) return at + 1
  // CSI: parameters and intermediates, then one final byte.
  if (kind === 0x5b) {
    let end = at + 2
    while (end < bytes.length && (bytes[end] as number) >= 0x20 && (bytes[end] as number) <= 0x3f) end++
    const final = bytes[end]
    return final !== undefined && final >= 0x40 && final <= 0x7e ? end + 1 : end
  }
  // OSC, DCS, SOS, PM, APC: a text up to BEL or ST.
  if (kind === 0x5d || kind === 0x50 || kind === 0x58 || kind === 0x5e || kind === 0x5f) return textEnd(bytes, at + 2)
  // Charsets and the like: intermediates, then one byte.
  let end = at + 1
  while (end < bytes.length && (bytes[end] as number) >= 0x20 && (bytes[end] as number) <= 0x2f) end++
  return Math.min(bytes.length, end + 1)
}

function textEnd(bytes: Buffer, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === BELL) return at + 1
    if (byte === ESCAPE) return bytes[at + 1] === 0x5c ? at + 2 : at
    if (byte === NEWLINE) return at
  }
  return bytes.length
}

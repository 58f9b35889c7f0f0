import { levelOf } from '../core/severity.ts'
import { formatTimestamp } from '../core/time.ts'
import { TextReader } from '../wire/transcode/text-line.ts'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * Lines of text, each with its newline → as many lines of JSON with the event that the server would make of them: the
 * line as the message, time and level where they stand in one of the usual forms. For text among JSON lines. Bytes
 * from 0x80 on stay as they are, whatever they are; blank lines stay blank.
 */
export function textAsJson(text: Buffer, nowMs = Date.now()): Buffer {
  const reader = new TextReader()
  const pieces: Buffer[] = []
  let start = 0
  for (let newline = text.indexOf(NEWLINE); newline !== -1; newline = text.indexOf(NEWLINE, start)) {
    const end = newline > start && text[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline
    if (end > start) {
      const { seconds, nanoseconds, severity } = reader.read(text, start, end, nowMs / 1000)
      let head = '{'
      if (!Number.isNaN(seconds)) {
        head += `"timestamp":"${formatTimestamp(BigInt(Math.trunc(seconds)) * 1_000_000_000n + BigInt(nanoseconds))}",`
      }
      if (severity > 0) head += `"level":"${levelOf(severity)}",`
      pieces.push(Buffer.from(`${head}"message":"`), escapeBytes(text.subarray(start, end)), END)
    } else pieces.push(text.subarray(newline, newline + 1))
    start = newline + 1
  }
  return Buffer.concat(pieces)
}

const END = Buffer.from('"}\n')

function escapeBytes(line: Buffer): Buffer {
  const escaped = line
    .toString('latin1')
    .replaceAll(/[\\"]|[^ -\xff]/g, (character) => JSON.stringify(character).slice(1, -1))
  return Buffer.from(escaped, 'latin1')
}

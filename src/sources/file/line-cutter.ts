import { isUtf8 } from 'node:buffer'
import type { EventBatch } from '../../core/batch.ts'
import type { FollowedFile } from './followed-file.ts'

const NEWLINE = 0x0a
const RETURN = 0x0d
const NUL = 0
/** So many zeros in a line are what a crash, or a writer that keeps its place, has left out: the line ends before them. */
const HOLE_BYTES = 64
const MARKS = [
  { encoding: 'utf8', bytes: Buffer.from([0xef, 0xbb, 0xbf]) },
  { encoding: 'utf16le', bytes: Buffer.from([0xff, 0xfe]) },
  { encoding: 'utf16be', bytes: Buffer.from([0xfe, 0xff]) },
] as const

export interface CutOptions {
  batch: EventBatch
  lineBytesMax: number
  /** Whether the batch has enough. */
  isFull: (batch: EventBatch) => boolean
  /** The bytes reach to the end of the file, and what is open there is to become an event. */
  isLast: boolean
  /** Nothing more will come of the file: what is open at its end is a line like others. */
  isEnd: boolean
}

/**
 * Gives the lines in `bytes[from, to)`, which stand at the file's position, to its interpreter, as many as the batch
 * takes, and moves the position behind them. Returns how many bytes those were.
 */
export function cutLines(file: FollowedFile, bytes: Buffer, from: number, to: number, options: CutOptions): number {
  const start = from
  if (file.position === 0 && file.encoding === 'unknown') {
    if (to === from || (mayBeMarked(bytes, from, to) && !options.isLast && !options.isEnd)) return 0
    from += skipMark(file, bytes, from, to)
  }
  const cut = isWide(file) ? cutWide : cutPlain
  const done = cut(file, bytes, from, to, options)
  // The bytes are used again.
  file.interpreter.forget()
  file.position += done - start
  return done - start
}

/** Two bytes a character. */
export function isWide({ encoding }: FollowedFile): boolean {
  return encoding === 'utf16le' || encoding === 'utf16be'
}

function skipMark(file: FollowedFile, bytes: Buffer, from: number, to: number): number {
  for (const mark of MARKS) {
    const end = from + mark.bytes.length
    if (end > to || bytes.compare(mark.bytes, 0, mark.bytes.length, from, end) !== 0) continue
    file.encoding = mark.encoding
    return mark.bytes.length
  }
  file.encoding = wideEncoding(bytes, from, to) ?? 'utf8'
  return 0
}

/** Too few bytes to tell how the file is written. */
function mayBeMarked(bytes: Buffer, from: number, to: number): boolean {
  const isZero = bytes[from] === 0 || bytes[from + 1] === 0
  return (
    (to - from < 3 && MARKS.some((mark) => mark.bytes[0] === bytes[from])) || (to > from + 1 && to < from + 4 && isZero)
  )
}

/** Two characters of ASCII in two bytes each are no text of another encoding. */
function wideEncoding(bytes: Buffer, from: number, to: number): 'utf16le' | 'utf16be' | undefined {
  if (to - from < 4) return undefined
  const zeros = [0, 1, 2, 3].map((index) => bytes[from + index] === 0).join()
  if (zeros === 'false,true,false,true') return 'utf16le'
  return zeros === 'true,false,true,false' ? 'utf16be' : undefined
}

/** Returns where it stopped. */
function cutPlain(file: FollowedFile, bytes: Buffer, from: number, to: number, options: CutOptions): number {
  const { batch, lineBytesMax, isFull } = options
  const origin = file.position - from
  const piece = bytes.subarray(from, to)
  const isValid = isUtf8(piece)
  const firstNul = piece.indexOf(NUL)
  let nul = firstNul < 0 ? -1 : from + firstNul
  let at = from
  while (at < to && !isFull(batch)) {
    // What a writer that keeps its place leaves behind when a file is emptied under it.
    if (bytes[at] === NUL && file.part === 0) {
      at = afterNuls(bytes, at, to)
      continue
    }
    const newline = indexOfByte(bytes, NEWLINE, at, to)
    const end = newline < 0 ? to : newline
    if (nul >= 0 && nul < at) nul = indexOfByte(bytes, NUL, at, to)
    const hole = nul < 0 || nul > end ? -1 : holeIn(bytes, nul, end)
    const isReturned = newline > at && bytes[newline - 1] === RETURN
    if (hole >= 0 && hole - at <= lineBytesMax) {
      const next = afterNuls(bytes, hole, end)
      giveLine(file, batch, bytes, at, hole, origin + next, isValid)
      at = next
    } else if (end - at > lineBytesMax) {
      const cut = characterStart(bytes, at, at + lineBytesMax)
      givePart(file, batch, bytes, at, cut, origin + cut)
      at = cut
    } else if (newline >= 0) {
      giveLine(file, batch, bytes, at, isReturned ? newline - 1 : newline, origin + newline + 1, isValid)
      at = newline + 1
    } else if (options.isEnd) {
      giveLine(file, batch, bytes, at, withoutReturn(bytes, at, to), origin + to, isValid)
      at = to
    } else if (options.isLast) {
      giveOpen(file, batch, bytes, at, withoutReturn(bytes, at, to), origin + to, isValid)
      at = to
    } else break
  }
  return at
}

/** The same for two bytes a character. */
function cutWide(file: FollowedFile, bytes: Buffer, from: number, to: number, options: CutOptions): number {
  const { batch, lineBytesMax, isFull } = options
  const origin = file.position - from
  const isLittle = file.encoding === 'utf16le'
  let at = from
  while (to - at > 1 && !isFull(batch)) {
    const newline = indexOfWideNewline(bytes, at, to, isLittle)
    const end = newline < 0 ? to - ((to - at) % 2) : newline
    const isLong = end - at > lineBytesMax
    if (!isLong && newline < 0 && !options.isEnd && !options.isLast) break
    const cut = isLong ? at + lineBytesMax - (lineBytesMax % 2) : end
    const next = !isLong && newline >= 0 ? newline + 2 : cut
    const text = wideText(bytes.subarray(at, cut), isLittle)
    if (isLong) givePart(file, batch, text, 0, text.length, origin + next)
    else if (newline < 0 && !options.isEnd) giveOpen(file, batch, text, 0, text.length, origin + next, true)
    else giveLine(file, batch, text, 0, text.length, origin + next, true)
    at = next
  }
  return at
}

/** No object for a line: there are a million a second. */
function giveLine(
  file: FollowedFile,
  batch: EventBatch,
  bytes: Buffer,
  from: number,
  to: number,
  nextOffset: number,
  isValid: boolean,
): void {
  if (file.part > 0) {
    givePart(file, batch, bytes, from, to, nextOffset)
    file.part = 0
    return
  }
  file.interpreter.line(batch, bytes, from, to, nextOffset, isValid)
  file.lineEnd = nextOffset
}

/** A line that nobody has ended for long is read as one; what comes of it later is a part. */
function giveOpen(
  file: FollowedFile,
  batch: EventBatch,
  bytes: Buffer,
  from: number,
  to: number,
  nextOffset: number,
  isValid: boolean,
): void {
  if (file.part > 0) return givePart(file, batch, bytes, from, to, nextOffset)
  giveLine(file, batch, bytes, from, to, nextOffset, isValid)
  file.interpreter.flush(batch)
  file.part = 1
}

/** A part is an event of its own: nothing before or after it belongs to it. */
function givePart(
  file: FollowedFile,
  batch: EventBatch,
  bytes: Buffer,
  from: number,
  to: number,
  nextOffset: number,
): void {
  file.part++
  if (to > from) file.interpreter.part(batch, bytes, from, to, nextOffset, file.part)
  else file.interpreter.line(batch, bytes, from, to, nextOffset, true)
  file.lineEnd = nextOffset
}

function indexOfByte(bytes: Buffer, byte: number, from: number, to: number): number {
  const found = bytes.indexOf(byte, from)
  return found < to ? found : -1
}

function afterNuls(bytes: Buffer, from: number, to: number): number {
  while (from < to && bytes[from] === NUL) from++
  return from
}

/** Where the first hole begins; -1 where there is none, only zeros that somebody has written. */
function holeIn(bytes: Buffer, from: number, end: number): number {
  for (let at = indexOfByte(bytes, NUL, from, end); at >= 0;) {
    const after = afterNuls(bytes, at, end)
    if (after - at >= HOLE_BYTES) return at
    at = indexOfByte(bytes, NUL, after, end)
  }
  return -1
}

function withoutReturn(bytes: Buffer, from: number, to: number): number {
  return to > from && bytes[to - 1] === RETURN ? to - 1 : to
}

/** The end of the last whole character before `end`. */
function characterStart(bytes: Buffer, start: number, end: number): number {
  let at = end
  while (at > start && at > end - 4 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--
  return at === start || ((bytes[at] ?? 0) & 0xc0) === 0x80 ? end : at
}

function indexOfWideNewline(bytes: Buffer, from: number, to: number, isLittle: boolean): number {
  for (let at = indexOfByte(bytes, NEWLINE, from, to); at >= 0; at = indexOfByte(bytes, NEWLINE, at + 1, to)) {
    const first = isLittle ? at : at - 1
    if (first < from || (first - from) % 2 !== 0 || first + 2 > to) continue
    if (bytes[isLittle ? at + 1 : at - 1] === 0) return first
  }
  return -1
}

function wideText(bytes: Buffer, isLittle: boolean): Buffer {
  const text = isLittle ? bytes.toString('utf16le') : Buffer.from(bytes).swap16().toString('utf16le')
  return Buffer.from(text.endsWith('\r') ? text.slice(0, -1) : text)
}

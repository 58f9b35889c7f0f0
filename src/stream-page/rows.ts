import { parseLine, type Colour, type Segment, type Style } from './ansi.ts'
import type { LineStore } from './line-store.ts'

export interface RowOptions {
  store: LineStore
  /** Lower case; empty: nothing is marked. */
  wanted: string
  /** Lines that the address points at, from 0, and the one that the search is at. */
  isMarked: (line: number) => boolean
  current: number | undefined
}

/** The elements of one line. Text becomes text, whatever is in it. */
export function createRow(line: number, { store, wanted, isMarked, current }: RowOptions): HTMLElement {
  const row = document.createElement('div')
  row.className = `row${isMarked(line) ? ' marked' : ''}${line === current ? ' current' : ''}`
  const number = document.createElement('a')
  number.className = 'number'
  number.href = `#L${line + 1}`
  // Not as text: copying lines should copy what they say.
  number.dataset['line'] = String(line + 1)
  number.ariaLabel = `Line ${line + 1}`
  const text = document.createElement('span')
  text.className = 'text'
  const { text: raw, cutBytes } = store.line(line)
  for (const segment of withMarks(parseLine(raw, store.styleOf(line)).segments, wanted))
    text.append(createSegment(segment))
  if (cutBytes > 0) text.append(createNote(`… ${cutBytes.toLocaleString('en-US')} bytes more`))
  // An empty line is as high as the others.
  text.append('\n')
  row.append(number, text)
  return row
}

interface MarkedSegment extends Segment {
  isFound?: boolean
}

/** What is searched for may go over several segments. */
function withMarks(segments: readonly Segment[], wanted: string): readonly MarkedSegment[] {
  if (wanted === '') return segments
  const whole = segments
    .map(({ text }) => text)
    .join('')
    .toLowerCase()
  const marked: MarkedSegment[] = []
  let start = 0
  for (const { text, style } of segments) {
    const end = start + text.length
    for (let at = start; at < end;) {
      const found = foundAround(whole, wanted, at)
      const next = Math.min(end, found.isFound ? found.end : found.next)
      marked.push({ text: text.slice(at - start, next - start), style, isFound: found.isFound })
      at = next
    }
    start = end
  }
  return marked
}

/** Whether a position lies in what is searched for, and up to where; else where that begins next. */
function foundAround(whole: string, wanted: string, at: number): { isFound: boolean; end: number; next: number } {
  const from = whole.lastIndexOf(wanted, at)
  if (from >= 0 && from + wanted.length > at) return { isFound: true, end: from + wanted.length, next: at }
  const next = whole.indexOf(wanted, at)
  return { isFound: false, end: at, next: next < 0 ? whole.length : next }
}

function createSegment({ text, style, isFound }: MarkedSegment): Node {
  const names = classesOf(style)
  const isPlain = names.length === 0 && typeof style.foreground !== 'string' && typeof style.background !== 'string'
  if (isPlain && isFound !== true) return document.createTextNode(text)
  const element = document.createElement(isFound === true ? 'mark' : 'span')
  element.textContent = text
  if (names.length > 0) element.className = names.join(' ')
  const [foreground, background] = style.inverse
    ? [style.background, style.foreground]
    : [style.foreground, style.background]
  if (isFound === true) return element
  if (typeof foreground === 'string') element.style.color = foreground
  if (typeof background === 'string') element.style.backgroundColor = background
  return element
}

function classesOf(style: Style): string[] {
  const { foreground, background, bold, dim, italic, underline, inverse, strike } = style
  const [front, back] = inverse ? [background ?? 'back', foreground ?? 'front'] : [foreground, background]
  return [
    ...colourClass('f', front),
    ...colourClass('b', back),
    ...(bold ? ['bold'] : []),
    ...(dim ? ['dim'] : []),
    ...(italic ? ['italic'] : []),
    ...(underline ? ['underline'] : []),
    ...(strike ? ['strike'] : []),
  ]
}

function colourClass(kind: 'f' | 'b', colour: Colour | undefined): string[] {
  if (typeof colour === 'number') return [`${kind}${colour}`]
  return colour === 'back' || colour === 'front' ? [`${kind}-${colour}`] : []
}

function createNote(text: string): HTMLElement {
  const note = document.createElement('em')
  note.className = 'note'
  note.textContent = text
  return note
}

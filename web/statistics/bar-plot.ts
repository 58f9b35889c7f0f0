import { colourNow } from '../parts/colour-now.ts'
import { numberText } from '../parts/figures.ts'
import type { BarPicture } from './picture.ts'

const ROW = 26
const BAR = 16
const GAP = 10
const LABEL_SHARE = 0.4
/** Of a label; more than fits on any screen. */
const CHARS_MAX = 200
const VALUE_WIDTH = 96

export function barsHeight({ bars }: BarPicture): number {
  return bars.length * ROW + 8
}

/** Lying bars with their labels, onto a canvas of this width. */
export function drawBars(canvas: HTMLCanvasElement, picture: BarPicture, width: number): void {
  const height = barsHeight(picture)
  const ratio = window.devicePixelRatio || 1
  canvas.width = width * ratio
  canvas.height = height * ratio
  canvas.style.width = `${width}px`
  canvas.style.height = `${height}px`
  const paint = canvas.getContext('2d')
  if (!paint) return
  paint.scale(ratio, ratio)
  paint.font = `12px ${getComputedStyle(document.body).fontFamily}`
  paint.textBaseline = 'middle'
  const longest = Math.max(...picture.bars.map(({ label }) => paint.measureText(label.slice(0, CHARS_MAX)).width))
  const labels = Math.min(longest + GAP, width * LABEL_SHARE)
  const room = Math.max(20, width - labels - VALUE_WIDTH - GAP)
  const highest = Math.max(...picture.bars.map(({ value }) => Math.abs(value)), 1e-9)
  const text = colourNow('--text')
  for (const [index, { label, value, colour }] of picture.bars.entries()) {
    const y = index * ROW + ROW / 2 + 4
    const length = Math.max(1, (Math.abs(value) / highest) * room)
    paint.fillStyle = text
    paint.textAlign = 'right'
    paint.fillText(fitted(paint, label, labels - GAP), labels - GAP, y)
    paint.fillStyle = colourNow(colour)
    paint.fillRect(labels, y - BAR / 2, length, BAR)
    paint.fillStyle = text
    paint.textAlign = 'left'
    paint.fillText(numberText(value), labels + length + 6, y)
  }
}

/** As much of the text as there is room for. */
function fitted(paint: CanvasRenderingContext2D, text: string, room: number): string {
  if (paint.measureText(text).width <= room) return text
  let length = Math.min(text.length, CHARS_MAX)
  while (length > 1 && paint.measureText(`${text.slice(0, length)}…`).width > room) length--
  return `${text.slice(0, length)}…`
}

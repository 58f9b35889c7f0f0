import { saveBlob } from '../export/save.ts'
import { colourNow } from '../parts/colour-now.ts'

const MARGIN = 16
const HEAD = 28

/** The picture on the page's ground, with the query above it, as a file. */
export async function savePng(canvas: HTMLCanvasElement, title: string): Promise<void> {
  const ratio = window.devicePixelRatio || 1
  const margin = MARGIN * ratio
  const head = HEAD * ratio
  const sheet = document.createElement('canvas')
  sheet.width = canvas.width + 2 * margin
  sheet.height = canvas.height + head + 2 * margin
  const paint = sheet.getContext('2d')
  if (!paint) throw new Error('This browser cannot draw.')
  paint.fillStyle = colourNow('--ground')
  paint.fillRect(0, 0, sheet.width, sheet.height)
  paint.fillStyle = colourNow('--text-soft')
  paint.font = `${12 * ratio}px ${getComputedStyle(document.body).fontFamily}`
  paint.textBaseline = 'top'
  paint.fillText(title, margin, margin, canvas.width)
  paint.drawImage(canvas, margin, margin + head)
  const blob = await new Promise<Blob | null>((resolve) => sheet.toBlob(resolve, 'image/png'))
  if (!blob) throw new Error('This browser cannot make the picture.')
  saveBlob(blob, 'png')
}

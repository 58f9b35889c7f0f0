import { useEffect, useMemo, useState } from 'preact/hooks'
import { useMedia } from '../parts/use-media.ts'
import { useWidth } from '../parts/use-width.ts'
import { barsHeight, drawBars } from './bar-plot.ts'
import { numberText } from '../parts/figures.ts'
import { barPicture, type Answer } from './picture.ts'

export interface BarChartProps {
  answer: Answer
  onCanvas?: (canvas: HTMLCanvasElement | null) => void
}

/** Values side by side. */
export function BarChart({ answer, onCanvas }: BarChartProps) {
  // The same as long as the answer is: a new one is drawn anew.
  const picture = useMemo(() => barPicture(answer), [answer])
  const [element, setElement] = useState<HTMLElement | null>(null)
  const [canvas, setCanvas] = useState<HTMLCanvasElement | null>(null)
  const width = useWidth(element)
  const isDark = useMedia('(prefers-color-scheme: dark)')
  useEffect(() => {
    if (!canvas || width === 0) return
    drawBars(canvas, picture, width)
    onCanvas?.(canvas)
  }, [canvas, picture, width, isDark])
  const words = picture.bars.map(({ label, value }) => `${label}: ${numberText(value)}`).join(', ')
  return (
    <figure class="chart">
      <div ref={setElement} class="plot">
        <canvas ref={setCanvas} height={barsHeight(picture)} role="img" aria-label={`${picture.what}. ${words}`} />
      </div>
      {picture.leftOut > 0 && <figcaption class="soft">{picture.leftOut} more are in the table.</figcaption>}
    </figure>
  )
}

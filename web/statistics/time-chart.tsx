import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { escapeText } from '../../src/core/escape.ts'
import { useLatest } from '../parts/use-latest.ts'
import { useMedia } from '../parts/use-media.ts'
import { useWidth } from '../parts/use-width.ts'
import { usePage } from '../shell/page.ts'
import { absoluteRange, type RangeText } from '../time/range.ts'
import { momentText, type Zone } from '../time/zone.ts'
import { numberText } from '../parts/figures.ts'
import { timePicture, type Answer, type Series, type TimePicture } from './picture.ts'
import { drawTimePlot, shownColour, type TimePlot } from './time-plot.ts'

export interface TimeChartProps {
  answer: Answer
  isBars: boolean
  height: number
  onRange: (range: RangeText) => void
  onCanvas?: (canvas: HTMLCanvasElement | null) => void
}

/** Series over time. Drag to zoom; the legend tells the values under the pointer, else the sums. */
export function TimeChart({ answer, isBars, height, onRange, onCanvas }: TimeChartProps) {
  const { router } = usePage()
  // The same as long as the answer is: a new one is drawn anew.
  const picture = useMemo(() => timePicture(answer), [answer])
  const zone: Zone = router.place.value.params.get('zone') === 'utc' ? 'utc' : 'local'
  const [element, setElement] = useState<HTMLElement | null>(null)
  const [hovered, setHovered] = useState<number>()
  const width = useWidth(element)
  const plot = useRef<TimePlot | undefined>(undefined)
  const latest = useLatest({ onRange, onCanvas })
  const isDark = useMedia('(prefers-color-scheme: dark)')
  const isWide = width > 0
  useEffect(() => {
    if (!element || !isWide) return undefined
    const drawn = drawTimePlot({
      element,
      picture,
      isBars,
      zone,
      width,
      height,
      onBrush: (fromMs, toMs) =>
        latest.current.onRange(absoluteRange({ fromMs: Math.round(fromMs), toMs: Math.round(toMs) })),
      onHover: setHovered,
    })
    plot.current = drawn
    latest.current.onCanvas?.(drawn.canvas)
    return () => {
      latest.current.onCanvas?.(null)
      drawn.destroy()
    }
  }, [element, picture, isBars, zone, height, isDark, isWide])
  useEffect(() => plot.current?.setWidth(width), [width])
  return (
    <figure class="chart">
      <div ref={setElement} class="plot" role="img" aria-label={describe(picture, zone)} />
      <figcaption>
        <p class="soft">
          {hovered === undefined ? 'In all of it' : momentText(new Date(picture.times[hovered] ?? 0), zone)}
          {picture.leftOut > 0 && `; ${picture.leftOut} smaller series are left out`}
        </p>
        <Legend series={picture.series} at={hovered} isBars={isBars} />
      </figcaption>
    </figure>
  )
}

interface LegendProps {
  series: readonly Series[]
  at: number | undefined
  isBars: boolean
}

function Legend({ series, at, isBars }: LegendProps) {
  return (
    <ul class="legend">
      {series.map(({ name, colour, values }) => (
        <li key={name}>
          <svg viewBox="0 0 10 10" aria-hidden="true">
            <rect width="10" height="10" rx="2" fill={`var(${shownColour(colour, isBars)})`} />
          </svg>
          <span>{escapeText(name)}</span>
          <strong>{numberText(at === undefined ? sum(values) : (values[at] ?? null))}</strong>
        </li>
      ))}
    </ul>
  )
}

function describe({ times, series }: TimePicture, zone: Zone): string {
  const [first = 0] = times
  const from = momentText(new Date(first), zone)
  const to = momentText(new Date(times.at(-1) ?? 0), zone)
  const parts = series.slice(0, 8).map(({ name, values }) => `${name}: ${numberText(sum(values))} in all`)
  return `From ${from} to ${to}. ${parts.join(', ')}`
}

function sum(values: readonly (number | null)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0)
}

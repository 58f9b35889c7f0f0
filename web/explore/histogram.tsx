import { useEffect, useRef, useState } from 'preact/hooks'
import { parseDuration } from '../../src/core/time.ts'
import { LEVELS } from '../../src/core/severity.ts'
import { usePage } from '../shell/page.ts'
import { colourNow } from '../parts/colour-now.ts'
import { useLatest } from '../parts/use-latest.ts'
import { useMedia } from '../parts/use-media.ts'
import { useLoad, type Loaded } from '../parts/use-load.ts'
import { absoluteRange, rangeParameters, type RangeText } from '../time/range.ts'
import { momentText, type Zone } from '../time/zone.ts'
import { drawHistogram, type Bucket } from './histogram-plot.ts'
import 'uplot/dist/uPlot.min.css'

export interface HistogramAnswer {
  interval: string
  buckets: Bucket[]
}

/** Counts for the range; `turn` asks again for a range that moves with the clock. */
export function useHistogram(query: string, range: RangeText, turn: number, isReady: boolean): Loaded<HistogramAnswer> {
  const { client } = usePage()
  const parameters = { query, ...rangeParameters(range), buckets: 120 }
  return useLoad(
    JSON.stringify([parameters, turn]),
    (signal) => client.get<HistogramAnswer>('/api/v1/histogram', parameters, signal),
    isReady,
  )
}

export interface HistogramProps {
  answer: HistogramAnswer | undefined
  zone: Zone
  onRange: (range: RangeText) => void
}

const HEIGHT = 92

export function Histogram({ answer, zone, onRange }: HistogramProps) {
  const box = useRef<HTMLDivElement>(null)
  const [hover, setHover] = useState<{ index: number; left: number }>()
  const latest = useLatest(onRange)
  const isDark = useMedia('(prefers-color-scheme: dark)')
  useEffect(() => {
    const element = box.current
    if (!element || !answer || answer.buckets.length === 0) return undefined
    const intervalMs = Number(parseDuration(answer.interval) ?? 1n) / 1e6
    const plot = drawHistogram({
      element,
      buckets: answer.buckets,
      intervalMs,
      zone,
      width: element.clientWidth,
      height: HEIGHT,
      colour: colourNow,
      onBrush: (fromMs, toMs) => latest.current(absoluteRange({ fromMs: Math.floor(fromMs), toMs: Math.ceil(toMs) })),
      onHover: (index, left) => setHover(index === undefined ? undefined : { index, left }),
    })
    const observer = new ResizeObserver(() => plot.setSize(element.clientWidth, HEIGHT))
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.destroy()
    }
  }, [answer, zone, isDark])
  const shown = hover && answer?.buckets[hover.index]
  return (
    <figure class="histogram" aria-label={summary(answer)}>
      <div ref={box} class="histogram-plot" />
      {shown && hover && <Readout bucket={shown} left={hover.left} width={box.current?.clientWidth ?? 0} zone={zone} />}
    </figure>
  )
}

interface ReadoutProps {
  bucket: Bucket
  left: number
  width: number
  zone: Zone
}

function Readout({ bucket, left, width, zone }: ReadoutProps) {
  const levels = LEVELS.filter((level) => (bucket.by[level] ?? 0) > 0).toReversed()
  const isRight = left > width / 2
  return (
    <div
      class="readout"
      style={isRight ? { right: `${width - left}px` } : { left: `${left + 60}px` }}
      aria-hidden="true"
    >
      <strong>{momentText(new Date(bucket.start), zone)}</strong>
      {levels.map((level) => (
        <span key={level} class={`level-${level}`}>
          <i /> {level} <b>{bucket.by[level]?.toLocaleString('en')}</b>
        </span>
      ))}
      {levels.length === 0 && <span>no events</span>}
    </div>
  )
}

function summary(answer: HistogramAnswer | undefined): string {
  if (!answer) return 'Events over time'
  const total = answer.buckets.reduce((sum, { total: count }) => sum + count, 0)
  const errors = answer.buckets.reduce(
    (sum, { by }) => sum + ['error', 'crit', 'alert', 'fatal'].reduce((count, level) => count + (by[level] ?? 0), 0),
    0,
  )
  return `Events over time: ${total.toLocaleString('en')}, of which ${errors.toLocaleString('en')} errors`
}

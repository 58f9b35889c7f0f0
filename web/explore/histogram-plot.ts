import uPlot from 'uplot'
import { LEVELS, type Level } from '../../src/core/severity.ts'
import { shortNumber } from '../parts/figures.ts'
import { axisText } from '../time/axis-text.ts'
import type { Zone } from '../time/zone.ts'

export interface Bucket {
  start: string
  total: number
  by: Record<string, number>
}

export interface HistogramPlot {
  setSize(width: number, height: number): void
  destroy(): void
}

interface PlotOptions {
  element: HTMLElement
  buckets: readonly Bucket[]
  intervalMs: number
  zone: Zone
  width: number
  height: number
  /** A name of `tokens.css` → its colour. */
  colour: (name: string) => string
  onBrush: (fromMs: number, toMs: number) => void
  /** The bucket under the pointer, and how far from the left it is. */
  onHover: (index: number | undefined, left: number) => void
}

/** Drags shorter than this are clicks. */
const BRUSH_PIXELS_MIN = 4

/** Bars by level on top of each other, the gravest at the bottom where it is seen first. */
export function drawHistogram(options: PlotOptions): HistogramPlot {
  const { element, buckets, intervalMs, zone, width, height, colour, onBrush, onHover } = options
  const times = buckets.map(({ start }) => Date.parse(start) / 1000)
  const levels = LEVELS.filter((level) => buckets.some(({ by }) => (by[level] ?? 0) > 0)).toReversed()
  const stacks = stacked(buckets, levels)
  const seconds = intervalMs / 1000
  const first = times[0] ?? 0
  const last = (times.at(-1) ?? 0) + seconds
  const bars = uPlot.paths.bars?.({ align: 1, size: [0.9, 60] })
  const plot = new uPlot(
    {
      width,
      height,
      padding: [6, 14, 0, 0],
      legend: { show: false },
      ...(zone === 'utc' && { tzDate: (ts: number) => uPlot.tzDate(new Date(ts * 1e3), 'Etc/UTC') }),
      cursor: { points: { show: false }, y: false, drag: { x: true, y: false, setScale: false } },
      scales: { x: { range: () => [first, last] }, y: { range: (_plot, _min, max) => [0, Math.max(1, max)] } },
      axes: [
        {
          ...axis(colour, 20),
          space: 90,
          values: (_plot, splits) => splits.map((at) => axisText(at, last - first, zone)),
        },
        { ...axis(colour, 44), splits: ySplits, values: (_plot, splits) => splits.map(shortNumber) },
      ],
      series: [
        {},
        // The highest stack is drawn first, so that the lower ones lie over it.
        ...levels.toReversed().map((level) => ({
          fill: colour(`--bar-${level}`),
          width: 0,
          points: { show: false },
          // Beginning at its own time, as wide as the interval.
          ...(bars && { paths: bars }),
        })),
      ],
      hooks: {
        setSelect: [
          ({ select, posToVal }) => {
            if (select.width < BRUSH_PIXELS_MIN) return
            onBrush(posToVal(select.left, 'x') * 1000, posToVal(select.left + select.width, 'x') * 1000)
          },
        ],
        setCursor: [
          ({ cursor: { left = -1 }, posToVal }) => {
            const at = left < 0 ? -1 : Math.floor((posToVal(left, 'x') - first) / seconds)
            onHover(at >= 0 && at < buckets.length ? at : undefined, left)
          },
        ],
      },
    },
    [times, ...stacks.toReversed()],
    element,
  )
  return {
    setSize: (newWidth, newHeight) => plot.setSize({ width: newWidth, height: newHeight }),
    destroy: () => plot.destroy(),
  }
}

/** Each level with those below it. */
function stacked(buckets: readonly Bucket[], levels: readonly Level[]): number[][] {
  const sums = buckets.map(() => 0)
  return levels.map((level) =>
    buckets.map(({ by }, index) => {
      sums[index] = (sums[index] ?? 0) + (by[level] ?? 0)
      return sums[index] ?? 0
    }),
  )
}

function axis(colour: (name: string) => string, size: number): uPlot.Axis {
  return {
    size,
    stroke: colour('--text-soft'),
    font: `11px ${colour('--font')}`,
    grid: { show: false },
    ticks: { show: false },
    gap: 3,
  }
}

const ySplits = (_plot: uPlot, _axis: number, _min: number, max: number): number[] => [0, Math.ceil(max)]

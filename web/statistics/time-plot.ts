import uPlot from 'uplot'
import { colourNow } from '../parts/colour-now.ts'
import { shortNumber } from '../parts/figures.ts'
import type { TimePicture } from './picture.ts'
import { axisText } from '../time/axis-text.ts'
import type { Zone } from '../time/zone.ts'

export interface TimePlotOptions {
  element: HTMLElement
  picture: TimePicture
  /** Bars stand on top of each other; lines do not. */
  isBars: boolean
  zone: Zone
  width: number
  height: number
  onBrush: (fromMs: number, toMs: number) => void
  /** Which time the pointer is at. */
  onHover: (index: number | undefined) => void
}

export interface TimePlot {
  canvas: HTMLCanvasElement
  setWidth(width: number): void
  destroy(): void
}

/** Drags shorter than this are clicks. */
const BRUSH_PIXELS_MIN = 4
const BAR_PIXELS_MAX = 60

export function drawTimePlot(options: TimePlotOptions): TimePlot {
  const { element, picture, isBars, zone, width, height, onBrush, onHover } = options
  const { times, series } = picture
  const values = isBars ? stacked(series.map((one) => one.values)) : series.map((one) => one.values)
  // The highest stack is drawn first, so that the lower ones lie over it.
  const order = series.map((_one, index) => (isBars ? series.length - 1 - index : index))
  const axis = {
    stroke: colourNow('--text-soft'),
    grid: { stroke: colourNow('--line'), width: 1 },
    ticks: { show: false },
  }
  const bars = uPlot.paths.bars?.({ size: [0.9, BAR_PIXELS_MAX] })
  const spanSeconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000
  const plot = new uPlot(
    {
      width,
      height,
      legend: { show: false },
      ...(zone === 'utc' && { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') }),
      cursor: { y: false, drag: { x: true, y: false, setScale: false } },
      scales: { x: { range: (_plot, min, max) => edges(times, min, max) }, y: { range: yRange } },
      axes: [
        {
          ...axis,
          space: 80,
          size: 28,
          values: (_plot, splits) => splits.map((at) => axisText(at, spanSeconds, zone)),
        },
        { ...axis, size: 54, values: (_plot, splits) => splits.map(shortNumber) },
      ],
      series: [
        {},
        ...order.map((index) => {
          const colour = colourNow(shownColour(series[index]?.colour ?? '--accent', isBars))
          return isBars && bars
            ? { fill: colour, width: 0, points: { show: false }, paths: bars }
            : { stroke: colour, width: 1.5, points: { show: times.length === 1, size: 6, fill: colour } }
        }),
      ],
      hooks: {
        setSelect: [
          ({ select, posToVal }) => {
            if (select.width < BRUSH_PIXELS_MIN) return
            onBrush(posToVal(select.left, 'x') * 1000, posToVal(select.left + select.width, 'x') * 1000)
          },
        ],
        setCursor: [({ cursor }) => onHover(cursor.idx ?? undefined)],
      },
    },
    [times.map((ms) => ms / 1000), ...order.map((index) => values[index] ?? [])],
    element,
  )
  return {
    canvas: plot.ctx.canvas,
    setWidth: (next) => plot.setSize({ width: next, height }),
    destroy: () => plot.destroy(),
  }
}

/** Levels have calmer colours where they fill areas. */
export function shownColour(name: string, isBars: boolean): string {
  return isBars ? name.replace('--level-', '--bar-') : name
}

/** Half an interval at both ends, so that the first and the last bar are whole. */
function edges(times: readonly number[], min: number, max: number): [number, number] {
  const stepMs = times.length > 1 ? ((times[1] ?? 0) - (times[0] ?? 0)) / 2 : 60_000
  return [min - stepMs / 1000, max + stepMs / 1000]
}

function yRange(_plot: uPlot, min: number, max: number): [number, number] {
  const low = Math.min(0, min)
  return max > low ? [low, max + (max - low) * 0.05] : [low, low + 1]
}

/** Each series with those before it. */
function stacked(all: readonly (readonly (number | null)[])[]): number[][] {
  const sums: number[] = []
  return all.map((values) =>
    values.map((value, index) => {
      sums[index] = (sums[index] ?? 0) + (value ?? 0)
      return sums[index] ?? 0
    }),
  )
}

import { formatCount } from '../../src/core/units.ts'

/** Events or queries a second: `0`, `0.4/s`, `12/s`, `1,234/s`. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return '0/s'
  return `${perSecond < 10 ? Math.round(perSecond * 10) / 10 : formatCount(Math.round(perSecond))}/s`
}

/** `250 ms`, `1.4 s`, `3 min`. */
export function tookText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`
  return `${Math.round(ms / 60_000)} min`
}

/** `4 hours`, `3 days`, `2.5 years`. */
export function daysText(days: number): string {
  if (days < 1) return plural(Math.max(1, Math.round(days * 24)), 'hour')
  if (days < 730) return plural(Math.round(days), 'day')
  return `${formatCount(Math.round(days / 36.5) / 10)} years`
}

export function plural(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`
}

/** `1.2k`, `34M`. */
export function shortNumber(value: number): string {
  for (const [unit, name] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (value >= unit)
      return `${Math.round((value / unit) * (value >= unit * 100 ? 1 : 10)) / (value >= unit * 100 ? 1 : 10)}${name}`
  }
  return String(value)
}

/** As exactly as somebody reads it. */
export function numberText(value: number | null): string {
  return value === null ? '–' : value.toLocaleString('en', { maximumFractionDigits: 3 })
}

/** `1.2k`, `34M`: for the marks of an axis. */
export function shortNumber(value: number): string {
  const size = Math.abs(value)
  const [unit, name] = UNITS.find(([unit]) => size >= unit) ?? [1, '']
  const scaled = value / unit
  return `${Math.round(scaled * 100) / 100}${name}`
}

const UNITS: readonly (readonly [unit: number, name: string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** As exactly as somebody reads it. */
export function numberText(value: number | null): string {
  return value === null ? '–' : value.toLocaleString('en', { maximumFractionDigits: 3 })
}

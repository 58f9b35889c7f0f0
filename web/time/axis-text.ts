import { clockText, shortText, type Zone } from './zone.ts'

const DAY_SECONDS = 86_400

/** As much of a time as tells the marks of an axis apart. */
export function axisText(seconds: number, spanSeconds: number, zone: Zone): string {
  const time = new Date(seconds * 1000)
  const clock = clockText(time, zone)
  if (spanSeconds <= 10) return clock
  if (spanSeconds <= 600) return clock.slice(0, 8)
  if (spanSeconds <= DAY_SECONDS) return clock.slice(0, 5)
  const [day = '', month = '', hours = ''] = shortText(time, zone).split(' ')
  return hours === '00:00' || spanSeconds > 7 * DAY_SECONDS ? `${day} ${month}` : hours
}

/** Times as people at a terminal read them: in their own time zone, or in UTC when asked. */
export interface ClockFace {
  /** `2026-01-05`, with the weekday before it. */
  day(timestamp: string): string
  /** `10:11:12.123` */
  time(timestamp: string): string
  /** `2026-01-05 10:11:12.123` */
  moment(timestamp: string): string
  /** `2026-01-05T10:11:12.123+01:00`: for output that is kept or goes on to a program. */
  full(timestamp: string): string
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** `offsetMinutes` says how far local time is ahead of UTC at a given time. */
export function clockFace(isUtc: boolean, offsetMinutes: (date: Date) => number = localOffset): ClockFace {
  const shifted = (timestamp: string) => {
    const date = new Date(timestamp)
    const minutes = isUtc ? 0 : offsetMinutes(date)
    return { date: new Date(date.getTime() + minutes * 60_000), minutes }
  }
  return {
    day(timestamp) {
      if (!isTime(timestamp)) return timestamp
      const { date } = shifted(timestamp)
      return `${WEEKDAYS[date.getUTCDay()]} ${date.toISOString().slice(0, 10)}`
    },
    time(timestamp) {
      return isTime(timestamp) ? shifted(timestamp).date.toISOString().slice(11, 23) : timestamp
    },
    moment(timestamp) {
      return isTime(timestamp) ? shifted(timestamp).date.toISOString().slice(0, 23).replace('T', ' ') : timestamp
    },
    full(timestamp) {
      if (!isTime(timestamp)) return timestamp
      const { date, minutes } = shifted(timestamp)
      return `${date.toISOString().slice(0, 23)}${isUtc ? 'Z' : zone(minutes)}`
    },
  }
}

function isTime(text: string): boolean {
  return !Number.isNaN(Date.parse(text))
}

function two(value: number): string {
  return String(Math.trunc(value)).padStart(2, '0')
}

function localOffset(date: Date): number {
  return -date.getTimezoneOffset()
}

function zone(minutes: number): string {
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`
}

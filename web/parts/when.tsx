import { ageText, momentText, type Zone } from '../time/zone.ts'

/** A time: how long ago, and exactly where the pointer rests. */
export function When({ time, zone = 'local', isExact = false }: { time: string; zone?: Zone; isExact?: boolean }) {
  const date = new Date(time)
  const exact = momentText(date, zone)
  return (
    <time dateTime={time} title={exact}>
      {isExact ? exact : ageText(date, Date.now())}
    </time>
  )
}

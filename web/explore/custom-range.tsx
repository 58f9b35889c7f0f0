import { useState } from 'preact/hooks'
import { resolveRange, resolveTime, type RangeText } from '../time/range.ts'
import { momentText, readMoment, type Zone } from '../time/zone.ts'

export interface CustomRangeProps {
  range: RangeText
  zone: Zone
  onRange: (range: RangeText) => void
}

/** From and to, as moments or as times ago. */
export function CustomRange({ range, zone, onRange }: CustomRangeProps) {
  const [shown] = useState(() => resolveRange(range, Date.now()))
  const [from, setFrom] = useState(shown ? editable(shown.fromMs, range, zone) : '')
  const [to, setTo] = useState(shown ? editable(shown.toMs, range, zone) : 'now')
  const [problem, setProblem] = useState<string>()
  const submit = (event: Event): void => {
    event.preventDefault()
    const next = readRange(from, to, zone)
    if (typeof next === 'string') setProblem(next)
    else onRange(next)
  }
  return (
    <form class="custom-range" onSubmit={submit}>
      <label class="labelled">
        From
        <input
          class="field"
          value={from}
          aria-invalid={problem !== undefined}
          aria-describedby="range-problem"
          onInput={(event) => setFrom(event.currentTarget.value)}
        />
      </label>
      <label class="labelled">
        To
        <input
          class="field"
          value={to}
          aria-describedby="range-problem"
          onInput={(event) => setTo(event.currentTarget.value)}
        />
      </label>
      <p
        id="range-problem"
        class={problem === undefined ? 'note' : 'problem'}
        role={problem === undefined ? undefined : 'alert'}
      >
        {problem ?? 'Such as 2026-01-31 14:05, -2h or now'}
      </p>
      <button class="button primary">Show this time</button>
    </form>
  )
}

/** A time that counts from now has no milliseconds that anybody chose. */
function editable(ms: number, { start }: RangeText, zone: Zone): string {
  const shownMs = start.startsWith('-') ? Math.floor(ms / 1000) * 1000 : ms
  return momentText(new Date(shownMs), zone).replace(/\.000$/, '')
}

function readRange(from: string, to: string, zone: Zone): RangeText | string {
  const start = readTime(from, zone)
  const end = readTime(to, zone)
  if (start === undefined) return `“${from}” is no time`
  if (end === undefined) return `“${to}” is no time`
  const range = { start, end: end === 'now' ? undefined : end }
  return resolveRange(range, Date.now()) ? range : 'It ends before it begins'
}

function readTime(text: string, zone: Zone): string | undefined {
  const trimmed = text.trim()
  const moment = readMoment(trimmed, zone)
  if (moment) return moment.toISOString()
  return trimmed !== '' && resolveTime(trimmed, Date.now()) !== undefined ? trimmed : undefined
}

import { usePage } from '../shell/page.ts'
import { makesTable, readQuery } from '../query/highlight.ts'
import { rangeParameters, type RangeText } from '../time/range.ts'
import '../style/sections.css'
import '../style/statistics.css'
import { AnswerView } from './answer-view.tsx'
import { Overview } from './overview.tsx'
import { QuestionForm } from './question-form.tsx'

/** Long enough to have a shape, short enough to be quick. */
const RANGE: RangeText = { start: '-24h', end: undefined }

/** What the events add up to: any table that a query makes, or the figures that everybody looks for. */
export function Statistics() {
  const { router } = usePage()
  const { params } = router.place.value
  const query = params.get('q') ?? ''
  const start = params.get('start') ?? undefined
  const range = start === undefined ? RANGE : { start, end: params.get('end') ?? undefined }
  const setRange = ({ start, end }: RangeText): void => router.set({ start, end })
  const ask = (text: string): void => router.set({ q: text.trim() === '' ? undefined : text.trim(), as: undefined })
  const times = rangeParameters(range)
  // What cannot be read is asked once, for what is wrong with it.
  const isAnswer = makesTable(query) || readQuery(query).problems.length > 0
  return (
    <div class="sheet sections">
      <h1>Statistics</h1>
      <QuestionForm
        query={query}
        range={range}
        zone={params.get('zone') === 'utc' ? 'utc' : 'local'}
        onAsk={ask}
        onRange={setRange}
        onZone={(zone) => router.set({ zone: zone === 'utc' ? zone : undefined }, { replace: true })}
      />
      {isAnswer ? (
        <AnswerView query={query} times={times} onRange={setRange} />
      ) : (
        <Overview query={query} times={times} onRange={setRange} />
      )}
    </div>
  )
}

import type { ComponentChildren } from 'preact'
import { withParameters } from '../api/client.ts'
import { ExportButtons } from '../export/export-buttons.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { usePage } from '../shell/page.ts'
import type { RangeText } from '../time/range.ts'
import { BarChart } from './bar-chart.tsx'
import { ErrorTexts } from './error-texts.tsx'
import { Figures } from './figures.tsx'
import { figures, type Answer } from './picture.ts'
import { TimeChart } from './time-chart.tsx'
import { useAnswer, type Times } from './use-answer.ts'

export interface OverviewProps {
  /** Which events it is about; empty: all. */
  query: string
  times: Times
  onRange: (range: RangeText) => void
}

/** What everybody looks for first: how much, how grave, from whom, and what went wrong last. */
export function Overview({ query, times, onRange }: OverviewProps) {
  const base = query === '' ? '*' : query
  return (
    <>
      <Card
        name="How much"
        query={`${base} | stats count() events, uniq(service) services, uniq(host) hosts`}
        times={times}
        foot={<ExportButtons query={query} {...times} />}
      >
        {(answer) => <Figures figures={figures(answer)} />}
      </Card>
      <Card name="Levels over time" query={`${base} | timechart count() events by level`} times={times}>
        {(answer) => <TimeChart answer={answer} isBars height={220} onRange={onRange} />}
      </Card>
      <Card name="Top services" query={`${base} | top 10 service`} times={times}>
        {(answer) => <BarChart answer={answer} />}
      </Card>
      <Card
        name="Newest error texts"
        query={
          `${base} | where level:>=error | stats count() times, min(timestamp) first, max(timestamp) last by message ` +
          '| sort by last desc | limit 20'
        }
        times={times}
      >
        {(answer) => <ErrorTexts answer={answer} />}
      </Card>
    </>
  )
}

interface CardProps {
  name: string
  query: string
  times: Times
  foot?: ComponentChildren
  children: (answer: Answer) => ComponentChildren
}

function Card({ name, query, times, foot, children }: CardProps) {
  const { router } = usePage()
  const { value, problem, retry } = useAnswer(query, times)
  const id = name.toLowerCase().replaceAll(' ', '-')
  const { params } = router.place.value
  const href = withParameters('/view/statistics', {
    q: query,
    start: params.get('start') ?? undefined,
    end: params.get('end') ?? undefined,
  })
  return (
    <section aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{name}</h2>
        <a href={href} aria-label={`${name} as a query`}>
          As a query
        </a>
      </div>
      {problem && <Failure problem={problem} onRetry={retry} />}
      {!value && !problem && <Loading what={name.toLowerCase()} />}
      {value && !problem && (value.rows.length === 0 ? <p class="soft">None in this time.</p> : children(value))}
      {foot && <div class="row">{foot}</div>}
    </section>
  )
}

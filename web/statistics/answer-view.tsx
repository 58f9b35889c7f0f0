import { useState } from 'preact/hooks'
import { asProblem } from '../api/client.ts'
import { ExportButtons } from '../export/export-buttons.tsx'
import { AnswerTable } from '../parts/answer-table.tsx'
import { Button } from '../parts/button.tsx'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { usePage } from '../shell/page.ts'
import type { RangeText } from '../time/range.ts'
import { BarChart } from './bar-chart.tsx'
import { Figures } from './figures.tsx'
import { figures, KINDS, kindsOf, type Answer, type Kind } from './picture.ts'
import { savePng } from './png.ts'
import { TimeChart } from './time-chart.tsx'
import { useAnswer, type Times } from './use-answer.ts'

export interface AnswerViewProps {
  query: string
  times: Times
  onRange: (range: RangeText) => void
}

const NAMES: Readonly<Record<Kind, string>> = { table: 'Table', line: 'Lines', bar: 'Bars', number: 'Number' }

/** The table that a query makes, as whatever shows it best, or as the reader wants it. */
export function AnswerView({ query, times, onRange }: AnswerViewProps) {
  const { router, toasts } = usePage()
  const { value, problem, retry } = useAnswer(query, times)
  const [canvas, setCanvas] = useState<HTMLCanvasElement | null>(null)
  if (problem) return <Failure problem={problem} onRetry={retry} />
  if (!value) return <Loading what="the answer" />
  if (value.rows.length === 0) {
    return (
      <Empty title="Nothing to count">
        <p>No event in this time matches. Choose a longer time, or another filter.</p>
      </Empty>
    )
  }
  const possible = kindsOf(value)
  const wanted = router.place.value.params.get('as')
  const kind = possible.find((one) => one === wanted) ?? possible[0] ?? 'table'
  const download = async (): Promise<void> => {
    try {
      if (canvas) await savePng(canvas, query)
    } catch (error) {
      toasts.complain(asProblem(error).message)
    }
  }
  return (
    <section aria-label="Answer">
      <div class="row">
        <div class="switch" role="group" aria-label="Shown as">
          {KINDS.map((one) => (
            <Button
              key={one}
              isPressed={one === kind}
              isDisabled={!possible.includes(one)}
              onClick={() => router.set({ as: one === possible[0] ? undefined : one }, { replace: true })}
            >
              {NAMES[one]}
            </Button>
          ))}
        </div>
        <div class="downloads">
          {(kind === 'line' || kind === 'bar') && (
            <Button
              icon="down"
              label="Download the picture as PNG"
              isDisabled={!canvas}
              onClick={() => void download()}
            >
              PNG
            </Button>
          )}
          <ExportButtons query={query} {...times} />
        </div>
      </div>
      <Shown kind={kind} answer={value} onRange={onRange} onCanvas={setCanvas} />
      {value.truncated && <p class="soft">There are more rows than one answer holds: download them to have all.</p>}
    </section>
  )
}

interface ShownProps {
  kind: Kind
  answer: Answer
  onRange: (range: RangeText) => void
  onCanvas: (canvas: HTMLCanvasElement | null) => void
}

function Shown({ kind, answer, onRange, onCanvas }: ShownProps) {
  const isTimed = answer.columns[0]?.type === 'time'
  if (kind === 'number') return <Figures figures={figures(answer)} />
  if (kind === 'table') return <AnswerTable table={answer} />
  if (isTimed) {
    return <TimeChart answer={answer} isBars={kind === 'bar'} height={320} onRange={onRange} onCanvas={onCanvas} />
  }
  return <BarChart answer={answer} onCanvas={onCanvas} />
}

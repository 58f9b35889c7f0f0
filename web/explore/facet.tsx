import { useState } from 'preact/hooks'
import { escapeText } from '../../src/core/escape.ts'
import { LEVELS } from '../../src/core/severity.ts'
import { hasTerm, senseOf, withoutField, type Sense } from '../query/filter-text.ts'
import { Button } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'
import { useLoad } from '../parts/use-load.ts'
import type { ApiProblem } from '../api/client.ts'
import { usePage } from '../shell/page.ts'
import { rangeParameters, resolveRange, type RangeText } from '../time/range.ts'
import { shortNumber } from '../parts/figures.ts'
import type { HistogramAnswer } from './histogram.tsx'

export interface Counted {
  value: string
  count: number
}

export interface FacetProps {
  name: string
  query: string
  range: RangeText
  turn: number
  isReady: boolean
  isOpenFirst?: boolean
  isColumn: boolean
  /** Where they are known already. */
  counts?: Counted[] | undefined
  onToggle: (field: string, value: string, sense: Sense) => void
  onColumn: (name: string) => void
}

const VALUES = 8
const VALUES_MORE = 100

export function Facet(props: FacetProps) {
  const { name, isOpenFirst = false, isColumn, onColumn } = props
  const [isOpen, setOpen] = useState(isOpenFirst)
  const shown = escapeText(name)
  const id = `facet-${encodeURIComponent(name)}`
  return (
    <section class="facet">
      <div class="facet-head">
        <button
          type="button"
          class="facet-name"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name={isOpen ? 'chevron' : 'right'} />
          <span title={shown}>{shown}</span>
        </button>
        {name !== 'level' && (
          <Button
            kind="quiet"
            icon="column"
            isSmall
            isPressed={isColumn}
            label={`Column ${shown}`}
            onClick={() => onColumn(name)}
          />
        )}
      </div>
      <div id={id}>{isOpen && <Inside {...props} />}</div>
    </section>
  )
}

/** Of levels the histogram knows the counts, unless the search itself chooses among them. */
function Inside(props: FacetProps) {
  const { name, query, counts } = props
  if (name !== 'level') return <LoadedValues {...props} />
  if (hasTerm(query, name)) return <AllLevels {...props} />
  return counts ? <Values {...props} values={counts} /> : <p class="facet-note">…</p>
}

/** A histogram of one bucket: counts of values are estimates, and the gravest levels are the rarest. */
function AllLevels(props: FacetProps) {
  const { name, query, range, turn, isReady } = props
  const { client } = usePage()
  const parameters = { query: withoutField(query, name), ...rangeParameters(range), buckets: 1 }
  const { value, problem } = useLoad(
    JSON.stringify(['levels', parameters, turn]),
    (signal) => client.get<HistogramAnswer>('/api/v1/histogram', parameters, signal),
    isReady,
  )
  if (problem) return <Problem problem={problem} />
  return value ? <Values {...props} values={levelCounts(value)} /> : <p class="facet-note">…</p>
}

function Problem({ problem }: { problem: ApiProblem }) {
  const isAway = problem.status === 0 || problem.status === 503
  return <p class="facet-note">{isAway ? 'not now' : problem.message}</p>
}

export function levelCounts({ buckets }: HistogramAnswer): Counted[] {
  const counts = new Map<string, number>()
  for (const { by } of buckets) {
    for (const [level, count] of Object.entries(by)) counts.set(level, (counts.get(level) ?? 0) + count)
  }
  return [...counts].map(([value, count]) => ({ value, count }))
}

function LoadedValues(props: FacetProps) {
  const { name, query, range, turn, isReady } = props
  const { client } = usePage()
  const [limit, setLimit] = useState(VALUES)
  // Values that this field's own term leaves out can be included as well.
  const parameters = { query: countedQuery(withoutField(query, name), range), ...rangeParameters(range), limit }
  const path = `/api/v1/fields/${encodeURIComponent(name)}/values`
  const { value, problem } = useLoad(
    JSON.stringify([path, parameters, turn]),
    (signal) => client.get<{ values: Counted[] }>(path, parameters, signal),
    isReady,
  )
  if (problem) return <Problem problem={problem} />
  if (!value) return <p class="facet-note">…</p>
  return (
    <>
      <Values {...props} values={value.values} />
      {value.values.length >= limit && limit < VALUES_MORE && (
        <button type="button" class="facet-more" onClick={() => setLimit(VALUES_MORE)}>
          Show more
        </button>
      )}
    </>
  )
}

const COUNTED_MS_MAX = 3 * 3_600_000

/** Counts of everything are kept by whole hours: too coarse for a short time, which is counted event by event. */
function countedQuery(query: string, range: RangeText): string {
  const resolved = resolveRange(range, Date.now())
  const isShort = resolved !== undefined && resolved.toMs - resolved.fromMs <= COUNTED_MS_MAX
  return query === '' && isShort ? '*' : query
}

function Values({ name, query, values, onToggle }: FacetProps & { values: readonly Counted[] }) {
  const highest = values.reduce((most, { count }) => Math.max(most, count), 1)
  if (values.length === 0) return <p class="facet-note">nothing</p>
  const shownValues = name === 'level' ? values.toSorted((a, b) => gravity(b.value) - gravity(a.value)) : values
  return (
    <ul class="facet-values">
      {shownValues.map(({ value, count }) => {
        const sense = senseOf(query, { field: name, value })
        const shown = value === '' ? '(empty)' : escapeText(value.slice(0, 200))
        return (
          <li key={value}>
            <button
              type="button"
              class={`facet-value ${sense ?? ''} ${name === 'level' ? `level-${value}` : ''}`}
              aria-pressed={sense !== undefined}
              title={`${shown}: ${count.toLocaleString('en')}`}
              onClick={(event) => onToggle(name, value, event.shiftKey ? 'exclude' : 'include')}
            >
              <span class="bar" style={{ width: `${(count / highest) * 100}%` }} />
              <span class="text">{shown}</span>
              <span class="count">{shortNumber(count)}</span>
            </button>
          </li>
        )
      })}
    </ul>
  )
}

function gravity(level: string): number {
  return (LEVELS as readonly string[]).indexOf(level)
}

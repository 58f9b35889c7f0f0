import { useState } from 'preact/hooks'
import { OWN_ATTRIBUTES } from '../../src/core/event.ts'
import { escapeText } from '../../src/core/escape.ts'
import type { Sense } from '../query/filter-text.ts'
import type { RangeText } from '../time/range.ts'
import { Facet, levelCounts } from './facet.tsx'
import type { FieldNames } from './field-names.ts'
import type { HistogramAnswer } from './histogram.tsx'
import { isEventField } from './items.ts'

export interface FacetsProps {
  query: string
  range: RangeText
  names: FieldNames | undefined
  /** Values are counted after the events are there. */
  isReady: boolean
  /** Counts of levels come with the histogram. */
  histogram: HistogramAnswer | undefined
  /** Asks again when it changes. */
  turn: number
  columns: readonly string[]
  onToggle: (field: string, value: string, sense: Sense) => void
  onColumn: (name: string) => void
}

const FIRST = ['service', 'host', 'source']
/** Attributes shown unless somebody searches for others. */
const ATTRIBUTES_MAX = 20
const FOUND_MAX = 50

/** What is in the events, counted: click to include, shift-click to exclude. */
export function Facets(props: FacetsProps) {
  const { query, range, names, turn, histogram, columns, onToggle, onColumn } = props
  const [wanted, setWanted] = useState('')
  const word = wanted.trim().toLowerCase()
  const attributes = (names?.fields ?? []).filter(
    ({ name, kind }) => kind === 'attribute' && !isEventField(name) && !OWN_ATTRIBUTES.has(name),
  )
  const found = attributes
    .filter(({ name }) => name.toLowerCase().includes(word))
    .slice(0, word === '' ? ATTRIBUTES_MAX : FOUND_MAX)
    .map(({ name }) => name)
  const first = FIRST.filter((name) => name.includes(word))
  const common = { query, range, turn, isReady: props.isReady, onToggle, onColumn }
  return (
    <aside class="facets" aria-label="Facets">
      <input
        class="field facet-search"
        type="search"
        placeholder="Find a field"
        aria-label="Find a field"
        value={wanted}
        onInput={(event) => setWanted(event.currentTarget.value)}
      />
      {'level'.includes(word) && (
        <Facet {...common} name="level" isOpenFirst isColumn counts={histogram && levelCounts(histogram)} />
      )}
      {[...first, ...found].map((name) => (
        <Facet
          key={name}
          {...common}
          name={name}
          isOpenFirst={name === 'service' || name === 'host'}
          isColumn={columns.includes(name)}
        />
      ))}
      {word !== '' && found.length + first.length === 0 && !'level'.includes(word) && (
        <p class="facet-note">No field is called {escapeText(wanted.trim())}.</p>
      )}
      <p class="facet-note">Click includes a value, Shift+click excludes it.</p>
    </aside>
  )
}

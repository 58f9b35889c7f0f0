import { useState } from 'preact/hooks'
import { escapeText } from '../../src/core/escape.ts'
import type { FieldNames } from './field-names.ts'

export interface ColumnPickerProps {
  names: FieldNames | undefined
  columns: readonly string[]
  onToggle: (name: string) => void
}

const ALWAYS: ReadonlySet<string> = new Set(['timestamp', 'level', 'message'])
const SHOWN_MAX = 100

export function ColumnPicker({ names, columns, onToggle }: ColumnPickerProps) {
  const [wanted, setWanted] = useState('')
  const word = wanted.trim().toLowerCase()
  const known = (names?.fields ?? []).map(({ name }) => name).filter((name) => !ALWAYS.has(name))
  const shown = [...new Set([...columns, ...known])]
    .filter((name) => name.toLowerCase().includes(word))
    .slice(0, SHOWN_MAX)
  return (
    <div class="column-picker">
      <input
        class="field"
        type="search"
        placeholder="Find a field"
        aria-label="Find a field for a column"
        autofocus
        ref={(element) => {
          if (element && word === '') element.focus()
        }}
        value={wanted}
        onInput={(event) => setWanted(event.currentTarget.value)}
      />
      <ul>
        {shown.map((name) => (
          <li key={name}>
            <label>
              <input type="checkbox" checked={columns.includes(name)} onChange={() => onToggle(name)} />
              <span>{escapeText(name)}</span>
            </label>
          </li>
        ))}
        {shown.length === 0 && <li class="facet-note">No such field in this time.</li>}
      </ul>
    </div>
  )
}

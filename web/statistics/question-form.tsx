import { useState } from 'preact/hooks'
import { useFieldNames } from '../explore/field-names.ts'
import { SearchBox } from '../explore/search-box.tsx'
import { TimePicker } from '../explore/time-picker.tsx'
import { useCommands } from '../shell/use-commands.ts'
import type { RangeText } from '../time/range.ts'
import type { Zone } from '../time/zone.ts'

export interface QuestionFormProps {
  query: string
  range: RangeText
  zone: Zone
  onAsk: (query: string) => void
  onRange: (range: RangeText) => void
  onZone: (zone: Zone) => void
}

const EXAMPLES: readonly (readonly [name: string, query: string])[] = [
  ['Errors by service', 'level:>=error | stats count() n by service'],
  ['Levels over time', '* | timechart count() n by level'],
  ['Busiest hosts', '* | top 10 host'],
  ['Events a second', '* | timechart rate() events'],
]

/** What is counted, and of which time. */
export function QuestionForm({ query, range, zone, onAsk, onRange, onZone }: QuestionFormProps) {
  const [isTimeOpen, setTimeOpen] = useState(false)
  const { value: names } = useFieldNames(range, 0, true)
  useCommands([{ name: 'Choose the time', key: 't', run: () => setTimeOpen(true) }])
  return (
    <div class="form">
      <div class="question">
        <SearchBox query={query} isTail={false} names={names} onSearch={onAsk} />
        <TimePicker
          range={range}
          isLive={false}
          zone={zone}
          isOpen={isTimeOpen}
          onToggle={setTimeOpen}
          onRange={onRange}
          onZone={onZone}
        />
      </div>
      <ul class="examples-line" aria-label="Examples">
        {EXAMPLES.map(([name, example]) => (
          <li key={name}>
            <button type="button" class="link" title={example} onClick={() => onAsk(example)}>
              {name}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

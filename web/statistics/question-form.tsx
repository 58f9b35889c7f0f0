import { useEffect, useState } from 'preact/hooks'
import { Choice } from '../parts/choice.tsx'
import { useCommands } from '../shell/use-commands.ts'
import { PRESETS, rangeName, type RangeText } from '../time/range.ts'

export interface QuestionFormProps {
  query: string
  range: RangeText
  onAsk: (query: string) => void
  onRange: (range: RangeText) => void
}

const EXAMPLES: readonly (readonly [name: string, query: string])[] = [
  ['Errors by service', 'level:>=error | stats count() n by service'],
  ['Levels over time', '* | timechart count() n by level'],
  ['Busiest hosts', '* | top 10 host'],
  ['Events a second', '* | timechart rate() events'],
]

export function QuestionForm({ query, range, onAsk, onRange }: QuestionFormProps) {
  const [text, setText] = useState(query)
  const [input, setInput] = useState<HTMLInputElement | null>(null)
  useEffect(() => setText(query), [query])
  useCommands([{ name: 'Ask', key: '/', run: () => input?.select() }])
  return (
    <form
      role="search"
      class="form"
      onSubmit={(event) => {
        event.preventDefault()
        onAsk(text)
      }}
    >
      <div class="row">
        <label class="labelled grow">
          Query
          <input
            ref={setInput}
            class="field query-field"
            type="search"
            spellcheck={false}
            autocomplete="off"
            placeholder="service:checkout | timechart count() n by level"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <RangeChoice range={range} onRange={onRange} />
        <button class="button primary">Show</button>
      </div>
      <p class="soft">
        For example:{' '}
        {EXAMPLES.map(([name, example], index) => (
          <>
            {index > 0 && ', '}
            <button type="button" class="link" key={name} title={example} onClick={() => onAsk(example)}>
              {name}
            </button>
          </>
        ))}
      </p>
    </form>
  )
}

function RangeChoice({ range, onRange }: Pick<QuestionFormProps, 'range' | 'onRange'>) {
  const isPreset = range.end === undefined && PRESETS.some(([start]) => start === range.start)
  const choices = isPreset ? PRESETS : [['', rangeName(range, 'local')] as const, ...PRESETS]
  return (
    <Choice
      name="Time"
      value={isPreset ? range.start : ''}
      choices={choices}
      onChange={(start) => {
        if (start !== '') onRange({ start, end: undefined })
      }}
    />
  )
}

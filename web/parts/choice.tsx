export interface ChoiceProps<Value extends string> {
  name: string
  value: Value
  choices: readonly (readonly [value: Value, words: string])[]
  onChange: (value: Value) => void
  isDisabled?: boolean
}

/** One of a few, with its name above. */
export function Choice<Value extends string>({
  name,
  value,
  choices,
  onChange,
  isDisabled = false,
}: ChoiceProps<Value>) {
  return (
    <label class="labelled">
      {name}
      <select
        class="field"
        value={value}
        disabled={isDisabled}
        onChange={(event) => onChange(event.currentTarget.value as Value)}
      >
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice}>
            {words}
          </option>
        ))}
      </select>
    </label>
  )
}

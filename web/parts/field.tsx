import { useId } from 'preact/hooks'

export interface FieldProps {
  name: string
  value: string
  onInput: (value: string) => void
  /** Below it: what belongs in it. */
  hint?: string
  class?: string
}

/** A line of text with its name above. */
export function Field({ name, value, onInput, hint, ...rest }: FieldProps) {
  const id = useId()
  return (
    <label class={`labelled ${rest.class ?? ''}`}>
      {name}
      <input
        class="field"
        value={value}
        aria-describedby={hint === undefined ? undefined : id}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {hint !== undefined && <small id={id}>{hint}</small>}
    </label>
  )
}

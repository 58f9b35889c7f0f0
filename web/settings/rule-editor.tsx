import type { RetentionRule } from '../api/saved.ts'
import { Button } from '../parts/button.tsx'
import { Field } from '../parts/field.tsx'

export interface RuleEditorProps {
  rules: readonly RetentionRule[]
  onChange: (rules: readonly RetentionRule[]) => void
}

/** The rules in their order: the first that selects an event decides. */
export function RuleEditor({ rules, onChange }: RuleEditorProps) {
  const set = (at: number, changes: Partial<RetentionRule>): void =>
    onChange(rules.map((rule, index) => (index === at ? { ...rule, ...changes } : rule)))
  const move = (at: number): void => {
    const next = [...rules]
    const [rule] = next.splice(at, 1)
    if (rule) next.splice(at - 1, 0, rule)
    onChange(next)
  }
  return (
    <fieldset class="rules">
      <legend>Rules set here</legend>
      {rules.map(({ filter, age }, index) => (
        <div class="row" key={index}>
          <Field
            class="grow"
            name={`Filter of rule ${index + 1}`}
            value={filter}
            onInput={(text) => set(index, { filter: text })}
          />
          <Field name="Kept for" value={age} onInput={(text) => set(index, { age: text })} />
          <Button isDisabled={index === 0} label={`Move rule ${index + 1} up`} onClick={() => move(index)}>
            Up
          </Button>
          <Button
            kind="quiet"
            icon="close"
            label={`Remove rule ${index + 1}`}
            onClick={() => onChange(rules.filter((_rule, at) => at !== index))}
          />
        </div>
      ))}
      <div class="row">
        <Button icon="include" onClick={() => onChange([...rules, { filter: '', age: '7d' }])}>
          Add a rule
        </Button>
        <span class="soft">
          Such as <code>level:debug</code> kept for <code>2d</code>, or <code>service:audit</code> for <code>1y</code>;{' '}
          <code>0</code> keeps for ever.
        </span>
      </div>
    </fieldset>
  )
}

import { useEffect, useRef, useState } from 'preact/hooks'
import type { FieldNames } from './field-names.ts'
import { useSuggestions, type Suggestions } from './use-suggestions.ts'

export interface SearchText {
  text: string
  input: { current: HTMLInputElement | null }
  suggestions: Suggestions
  /** Index of the suggestion that Enter takes; -1: none, Enter searches. */
  chosen: number
  hasFocus: boolean
  accept: (index: number) => void
  submit: () => void
  /** For the input. */
  handlers: {
    onInput: (event: { currentTarget: HTMLInputElement }) => void
    onSelect: (event: { currentTarget: HTMLInputElement }) => void
    onFocus: () => void
    onBlur: () => void
    onKeyDown: (event: KeyboardEvent) => void
  }
}

/** A query while it is typed: its text, the caret, and what is suggested there. */
export function useSearchText(
  query: string,
  names: FieldNames | undefined,
  onSearch: (query: string) => void,
): SearchText {
  const [text, setText] = useState(query)
  const [caret, setCaret] = useState(query.length)
  const [isTyping, setTyping] = useState(false)
  const [hasFocus, setFocus] = useState(false)
  const [chosen, setChosen] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => setText(query), [query])
  const suggestions = useSuggestions(text, caret, isTyping && hasFocus, names)
  const { items, isHistory } = suggestions
  const change = (next: string, at: number): void => {
    setText(next)
    setCaret(at)
    setChosen(-1)
  }
  const accept = (index: number): void => {
    const item = items[index]
    if (!item) return
    const from = isHistory ? 0 : suggestions.from
    const at = from + item.insert.length
    const next = text.slice(0, from) + item.insert + text.slice(isHistory ? text.length : caret)
    change(next, at)
    setTyping(!isHistory)
    if (!input.current) return
    input.current.value = next
    input.current.setSelectionRange(at, at)
    input.current.focus()
  }
  const submit = (): void => {
    setTyping(false)
    onSearch(text)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const { key } = event
    const has = items.length > 0
    if (key === 'ArrowDown' && has) setChosen((chosen + 1) % items.length)
    else if (key === 'ArrowDown') setTyping(true)
    else if (key === 'ArrowUp' && has) setChosen((chosen <= 0 ? items.length : chosen) - 1)
    else if (key === 'Tab' && has && !event.shiftKey) accept(Math.max(0, chosen))
    else if (key === 'Enter' && chosen >= 0) accept(chosen)
    else if (key === 'Enter') submit()
    else if (key === 'Escape' && has) setTyping(false)
    else if (key === 'Escape') input.current?.blur()
    else return
    event.preventDefault()
  }
  const handlers = {
    onInput: ({ currentTarget: { value, selectionStart } }: { currentTarget: HTMLInputElement }): void => {
      setTyping(true)
      change(value, selectionStart ?? value.length)
    },
    onSelect: ({ currentTarget }: { currentTarget: HTMLInputElement }): void =>
      setCaret(currentTarget.selectionStart ?? 0),
    onFocus: (): void => {
      setFocus(true)
      setTyping(text === '')
    },
    onBlur: (): void => setFocus(false),
    onKeyDown,
  }
  return { text, input, suggestions, chosen, hasFocus, accept, submit, handlers }
}

import { escapeText } from '../../src/core/escape.ts'
import type { Explanation } from './use-explanation.ts'
import type { Suggestions } from './use-suggestions.ts'

export interface BelowSearchProps {
  suggestions: Suggestions
  chosen: number
  explanation: Explanation
  isExplained: boolean
  hasFocus: boolean
  onAccept: (index: number) => void
}

/** Lies over what is below, so that nothing moves while somebody types. */
export function BelowSearch({ suggestions, chosen, explanation, isExplained, hasFocus, onAccept }: BelowSearchProps) {
  const { items } = suggestions
  const { problems, text } = explanation
  // A word that can still become one that is suggested is not a mistake yet.
  const says = isExplained || (problems.length > 0 && hasFocus && items.length === 0)
  return (
    <div class="below-search">
      <div id="search-says" aria-live="polite">
        {says && problems.length === 0 && <p class="explained">{explanation.explanation ?? '…'}</p>}
        {says &&
          problems.slice(0, 3).map(({ code, from, to, message, hint }) => (
            <p key={`${code} ${from}`} class="mistake">
              {to > from && <code>{escapeText(text.slice(from, Math.min(to, from + 60)))}</code>} {message}
              {hint !== undefined && <small>: {hint}</small>}
            </p>
          ))}
      </div>
      <ul id="suggestions" role="listbox" aria-label="Suggestions" class="suggestions" hidden={items.length === 0}>
        {items.map(({ shown, note }, index) => (
          <li
            key={shown}
            id={`suggestion-${index}`}
            role="option"
            aria-selected={index === chosen}
            // The text keeps the focus.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => onAccept(index)}
          >
            <span>{escapeText(shown)}</span> <small>{note}</small>
          </li>
        ))}
      </ul>
    </div>
  )
}

import { useMemo, useRef, useState } from 'preact/hooks'
import { colour } from '../query/highlight.ts'
import { Button } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'
import { useCommands } from '../shell/use-commands.ts'
import type { FieldNames } from './field-names.ts'
import { BelowSearch } from './below-search.tsx'
import { useExplanation, type Explanation } from './use-explanation.ts'
import { useSearchText, type SearchText } from './use-search-text.ts'

export interface SearchBoxProps {
  query: string
  isTail: boolean
  names: FieldNames | undefined
  onSearch: (query: string) => void
}

/** The query, coloured as it is typed, with what is wrong underlined and what may come next below. */
export function SearchBox({ query, isTail, names, onSearch }: SearchBoxProps) {
  const search = useSearchText(query, names, onSearch)
  const { text, input, hasFocus } = search
  const [isExplained, setExplained] = useState(false)
  const explanation = useExplanation(text, isTail)
  useCommands([{ name: 'Search', key: '/', run: () => input.current?.select() }])
  return (
    <form
      role="search"
      class="search"
      onSubmit={(event) => {
        event.preventDefault()
        search.submit()
      }}
    >
      <div class={`search-box ${explanation.problems.length > 0 && !hasFocus ? 'wrong' : ''}`}>
        <Icon name="search" />
        <SearchInput search={search} explanation={explanation} />
        {text !== '' && (
          <Button kind="quiet" icon="close" isSmall label="Clear the search" onClick={() => onSearch('')} />
        )}
        <Button
          kind="quiet"
          isSmall
          isPressed={isExplained}
          label="What this search does, in English"
          onClick={() => setExplained(!isExplained)}
        >
          Explain
        </Button>
      </div>
      <BelowSearch
        suggestions={search.suggestions}
        chosen={search.chosen}
        explanation={explanation}
        isExplained={isExplained}
        hasFocus={hasFocus}
        onAccept={search.accept}
      />
    </form>
  )
}

/** The text is painted behind an input whose own text is not seen. */
function SearchInput({ search, explanation }: { search: SearchText; explanation: Explanation }) {
  const { text, input, suggestions, chosen, handlers } = search
  const paint = useRef<HTMLDivElement>(null)
  const pieces = useMemo(() => colour(text, explanation.tree, explanation.problems), [text, explanation.problems])
  return (
    <div class="search-text">
      <div class="search-paint" ref={paint} aria-hidden="true">
        {pieces.map((piece, index) => (
          <span key={index} class={`q-${piece.kind} ${piece.problem === undefined ? '' : 'q-wrong'}`}>
            {piece.text}
          </span>
        ))}
      </div>
      <input
        {...handlers}
        ref={input}
        value={text}
        aria-label="Search"
        placeholder="Search: timeout level:>=warn service:checkout -health"
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={suggestions.items.length > 0}
        aria-controls="suggestions"
        aria-activedescendant={chosen >= 0 ? `suggestion-${chosen}` : undefined}
        aria-invalid={explanation.problems.length > 0}
        aria-describedby="search-says"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onScroll={({ currentTarget }) => {
          if (paint.current) paint.current.scrollLeft = currentTarget.scrollLeft
        }}
      />
    </div>
  )
}

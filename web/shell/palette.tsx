import { useMemo, useState } from 'preact/hooks'
import { Dialog } from '../parts/dialog.tsx'
import type { Command } from './commands.ts'
import { usePage } from './page.ts'

const SHOWN_MAX = 50

/** Every command by its name. */
export function Palette({ onClose }: { onClose: () => void }) {
  const { commands } = usePage()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const found = useMemo(() => search(commands.all.value, text), [commands.all.value, text])
  const run = (command: Command | undefined): void => {
    if (!command) return
    onClose()
    // After the dialog gave the focus back: the command may want it.
    setTimeout(() => command.run())
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step !== undefined) setAt((at + step + found.length) % Math.max(1, found.length))
    else if (event.key === 'Enter') run(found[at])
    else return
    event.preventDefault()
  }
  return (
    <Dialog title="Commands" onClose={onClose} isBare class="palette">
      <input
        type="text"
        placeholder="What do you want to do?"
        aria-label="Command"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found[at] ? `palette-${at}` : undefined}
        autofocus
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="palette-list" class="palette-list" role="listbox" aria-label="Commands">
        {found.map((command, index) => (
          <li
            key={command.name}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            ref={(element) => {
              if (index === at) element?.scrollIntoView({ block: 'nearest' })
            }}
            onPointerMove={() => setAt(index)}
            onClick={() => run(command)}
          >
            <span>{command.name}</span>
            {command.key !== undefined && <kbd>{command.key}</kbd>}
          </li>
        ))}
      </ul>
    </Dialog>
  )
}

function search(commands: readonly Command[], text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return commands
    .filter(({ name, words: more = '', isHidden = false }) => {
      const hay = `${name} ${more}`.toLowerCase()
      return !isHidden && words.every((word) => hay.includes(word))
    })
    .slice(0, SHOWN_MAX)
}

import { signal, type ReadonlySignal } from '@preact/signals'

/** Something that the reader can do, by key or by name in the palette. */
export interface Command {
  name: string
  /** As `KeyboardEvent.key`; letters in the case that is typed. Works where no text is being typed. */
  key?: string
  /** More words to find it by. */
  words?: string
  /** Left out of the palette: moving around is what keys are for. */
  isHidden?: boolean
  run(): void
}

export interface Commands {
  readonly all: ReadonlySignal<readonly Command[]>
  /** Until the returned function is called. */
  add(commands: readonly Command[]): () => void
}

export function createCommands(): Commands {
  const all = signal<readonly Command[]>([])
  return {
    all,
    add(commands) {
      all.value = [...all.value, ...commands]
      return () => {
        all.value = all.value.filter((command) => !commands.includes(command))
      }
    },
  }
}

/** Keys belong to the text that is being typed, and to whatever lies over the page. */
export function commandFor(event: KeyboardEvent, commands: readonly Command[]): Command | undefined {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return undefined
  const { target } = event
  if (!(target instanceof Element) || target.closest('input, textarea, select, [contenteditable], dialog'))
    return undefined
  // Enter and space press the button that has the focus.
  const isPress = event.key === 'Enter' || event.key === ' '
  if (isPress && target.closest('button, a, summary, [role="option"]')) return undefined
  return commands.findLast(({ key }) => key === event.key)
}

import { useLayoutEffect } from 'preact/hooks'
import type { Command } from './commands.ts'
import { usePage } from './page.ts'
import { useLatest } from '../parts/use-latest.ts'

/** These commands are there while the component is. What they do may change from one render to the next. */
export function useCommands(commands: readonly Command[]): void {
  const page = usePage()
  const signature = commands.map(({ name, key }) => `${name} ${key ?? ''}`).join('\n')
  const latest = useLatest(commands)
  useLayoutEffect(() => {
    const stable = latest.current.map((command) => ({
      ...command,
      // What a key does may be called otherwise meanwhile.
      run: () => latest.current.find((other) => isSame(other, command))?.run(),
    }))
    return page.commands.add(stable)
  }, [signature])
}

function isSame(one: Command, other: Command): boolean {
  return one.key === undefined ? one.name === other.name : one.key === other.key
}

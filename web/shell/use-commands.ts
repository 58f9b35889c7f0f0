import { useEffect } from 'preact/hooks'
import type { Command } from './commands.ts'
import { usePage } from './page.ts'
import { useLatest } from '../parts/use-latest.ts'

/** These commands are there while the component is. What they do may change from one render to the next. */
export function useCommands(commands: readonly Command[]): void {
  const page = usePage()
  const signature = commands.map(({ name, key }) => `${name} ${key ?? ''}`).join('\n')
  const latest = useLatest(commands)
  useEffect(() => {
    const stable = latest.current.map((command) => ({
      ...command,
      run: () => latest.current.find(({ name }) => name === command.name)?.run(),
    }))
    return page.commands.add(stable)
  }, [signature])
}

import type { Memory } from '../parts/memory.ts'
import type { Place, Router } from '../shell/router.ts'

/** How somebody likes to look at events; in the address, so that it can be sent, and remembered for the next visit. */
const NAMES = ['cols', 'wrap', 'rows', 'zone'] as const
const KEY = 'view'

type Preferences = Partial<Record<string, string>>

export function rememberPreference(memory: Memory, name: string, value: string | undefined): void {
  const { [name]: _, ...others } = memory.read<Preferences>(KEY, {})
  memory.write(KEY, value === undefined ? others : { ...others, [name]: value })
}

/** An address that says nothing about it gets what its reader likes. */
export function applyPreferences(memory: Memory, router: Router): void {
  const preferences = memory.read<Preferences>(KEY, {})
  const { params }: Place = router.place.peek()
  const missing = NAMES.filter((name) => !params.has(name) && typeof preferences[name] === 'string')
  if (missing.length > 0)
    router.set(Object.fromEntries(missing.map((name) => [name, preferences[name]])), { replace: true })
}

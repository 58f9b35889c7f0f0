import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import type { Session } from '../api/session.ts'
import type { Memory } from '../parts/memory.ts'
import type { Toasts } from '../parts/toast.tsx'
import type { Searches } from '../saved/searches.ts'
import type { Commands } from './commands.ts'
import type { Router } from './router.ts'

/** What every view may touch. Made once in `main.tsx`. */
export interface Page {
  router: Router
  client: Client
  session: Session
  toasts: Toasts
  commands: Commands
  searches: Searches
  memory: Memory
}

export const PageContext = createContext<Page | undefined>(undefined)

export function usePage(): Page {
  const page = useContext(PageContext)
  if (!page) throw new Error('used outside the page')
  return page
}

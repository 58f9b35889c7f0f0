/**
 * web: the page. It runs in a browser and speaks to the server by its public routes only. It may use the types of the
 * API, the nouns of core and the parser of the query language; it must never know Node, nor any other host. Everything
 * that a view shows follows from the address. Start with `shell/shell.tsx`, then `explore/explore.tsx`.
 */
import './time/browser-language.ts'
import { render } from 'preact'
import { createClient } from './api/client.ts'
import { createSession } from './api/session.ts'
import { createMemory } from './parts/memory.ts'
import { createToasts } from './parts/toast.tsx'
import { createSearches } from './saved/searches.ts'
import { createCommands } from './shell/commands.ts'
import { PageContext } from './shell/page.ts'
import { createRouter } from './shell/router.ts'
import { Shell } from './shell/shell.tsx'
import './style/tokens.css'
import './style/elements.css'
import './style/parts.css'
import './style/shell.css'
import './style/explore.css'

const client = createClient(window.fetch.bind(window), () => void session.refresh())
const session = createSession(client)
const page = {
  router: createRouter(window),
  client,
  session,
  toasts: createToasts(),
  commands: createCommands(),
  searches: createSearches(client),
  memory: createMemory(() => window.localStorage),
}
const root = document.getElementById('page')
if (root) {
  render(
    <PageContext.Provider value={page}>
      <Shell />
    </PageContext.Provider>,
    root,
  )
}

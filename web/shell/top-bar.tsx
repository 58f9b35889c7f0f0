import { mayUse } from '../api/session.ts'
import { Button } from '../parts/button.tsx'
import { useMedia } from '../parts/use-media.ts'
import { SavedMenu } from '../saved/saved-menu.tsx'
import { usePage } from './page.ts'
import { ViewMenu } from './view-menu.tsx'
import { VIEWS } from './views.ts'

export interface TopBarProps {
  onPalette: () => void
  onHelp: () => void
  onSave: () => void
  onShare: () => void
}

/** Narrower than this the names of the views do not fit; with a key, its name and “Log out” are there as well. */
const NAMES_FIT = { anybody: '(min-width: 760px)', key: '(min-width: 960px)' }

export function TopBar({ onPalette, onHelp, onSave, onShare }: TopBarProps) {
  const { router, session } = usePage()
  const who = session.who.value
  const { path } = router.place.value
  const isWide = useMedia(who?.by === 'session' ? NAMES_FIT.key : NAMES_FIT.anybody)
  const views = VIEWS.filter(({ right, isUnlisted = false }) => who && !isUnlisted && mayUse(who, right))
  const itself = who?.by === 'session' && (
    <>
      <span class="who" title={`Role ${who.role ?? ''}`}>
        {who.name}
      </span>
      <Button kind="quiet" onClick={() => void session.logOut()}>
        Log out
      </Button>
    </>
  )
  return (
    <header class="top-bar">
      <a class="brand" href="/" aria-label="Tailrace">
        <Mark />
        {isWide && <span>Tailrace</span>}
      </a>
      {isWide ? (
        <nav class="views" aria-label="Views">
          {views.map((view) => (
            <a key={view.path} href={view.path} aria-current={view.path === path ? 'page' : undefined}>
              {view.name}
            </a>
          ))}
        </nav>
      ) : (
        <ViewMenu views={views} path={path}>
          {itself && <div class="view-menu-foot">{itself}</div>}
        </ViewMenu>
      )}
      <div class="top-end">
        {isWide && itself}
        {who && mayUse(who, 'read') && (
          <>
            <SavedMenu onSave={onSave} />
            <Button kind="quiet" icon="link" label="Share this view" onClick={onShare} />
          </>
        )}
        <Button kind="quiet" icon="search" label="Commands (Ctrl+K)" onClick={onPalette} />
        <Button kind="quiet" icon="help" label="Keys (?)" onClick={onHelp} />
      </div>
    </header>
  )
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M7 10h18M7 16h12M7 22h15" stroke="var(--accent-text)" stroke-width="3" stroke-linecap="round" />
    </svg>
  )
}

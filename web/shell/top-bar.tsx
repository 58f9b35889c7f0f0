import { mayUse } from '../api/session.ts'
import { Button } from '../parts/button.tsx'
import { SavedMenu } from '../saved/saved-menu.tsx'
import { usePage } from './page.ts'
import { VIEWS } from './views.ts'

export interface TopBarProps {
  onPalette: () => void
  onHelp: () => void
  onSave: () => void
  onShare: () => void
}

export function TopBar({ onPalette, onHelp, onSave, onShare }: TopBarProps) {
  const { router, session } = usePage()
  const who = session.who.value
  const { path } = router.place.value
  return (
    <header class="top-bar">
      <a class="brand" href="/" aria-label="Tailrace">
        <Mark />
        <span>Tailrace</span>
      </a>
      <nav class="views" aria-label="Views">
        {VIEWS.filter(({ right, isUnlisted = false }) => who && !isUnlisted && mayUse(who, right)).map((view) => (
          <a
            key={view.path}
            href={view.path}
            aria-current={view.path === path ? 'page' : undefined}
            ref={(link) => {
              if (view.path === path) showWhole(link)
            }}
          >
            {view.name}
          </a>
        ))}
      </nav>
      <div class="top-end">
        {who?.by === 'session' && (
          <>
            <span class="who" title={`Role ${who.role ?? ''}`}>
              {who.name}
            </span>
            <Button kind="quiet" onClick={() => void session.logOut()}>
              Log out
            </Button>
          </>
        )}
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

/** The bar is narrower than its views on a phone. (`scrollIntoView` would also move where Tab goes on from.) */
function showWhole(link: HTMLElement | null): void {
  const bar = link?.parentElement
  if (!link || !bar) return
  const hidden = link.getBoundingClientRect().right - bar.getBoundingClientRect().right
  if (hidden > 0) bar.scrollLeft += hidden
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path d="M7 10h18M7 16h12M7 22h15" stroke="var(--accent-text)" stroke-width="3" stroke-linecap="round" />
    </svg>
  )
}

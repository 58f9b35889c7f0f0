import { useState } from 'preact/hooks'
import { Button } from '../parts/button.tsx'
import { Popover } from '../parts/popover.tsx'
import { usePage } from '../shell/page.ts'
import { hrefOf } from './searches.ts'

/** The saved searches, and the way to save what is shown now. */
export function SavedMenu({ onSave }: { onSave: () => void }) {
  const { searches } = usePage()
  const [isOpen, setOpen] = useState(false)
  const all = searches.all.value
  return (
    <Popover
      button={{ kind: 'quiet', icon: 'save', label: 'Saved searches' }}
      title="Saved searches"
      side="right"
      isOpen={isOpen}
      onToggle={(open) => {
        setOpen(open)
        if (open) void searches.refresh().catch(() => undefined)
      }}
    >
      <div class="menu" onClick={() => setOpen(false)}>
        {all.length === 0 ? (
          <p class="soft">Nobody has saved a search yet.</p>
        ) : (
          <ul>
            {all.map((search) => (
              <li key={search.id}>
                <a href={hrefOf(search)} title={search.query}>
                  {search.name}
                </a>
              </li>
            ))}
          </ul>
        )}
        <Button icon="save" onClick={onSave}>
          Save this search …
        </Button>
        <a href="/view/settings?tab=searches">All saved searches</a>
      </div>
    </Popover>
  )
}

import type { ComponentType } from 'preact'
import type { Right } from '../../src/core/principal.ts'
import { mayUse } from '../api/session.ts'
import { usePage } from '../shell/page.ts'
import '../style/sections.css'
import { Keys } from './keys.tsx'
import { RetentionRules } from './retention.tsx'
import { SearchList } from './search-list.tsx'
import { ShareList } from './share-list.tsx'

const TABS: readonly { id: string; name: string; right: Right; component: ComponentType }[] = [
  { id: 'searches', name: 'Saved searches', right: 'read', component: SearchList },
  { id: 'shares', name: 'Shared views', right: 'read', component: ShareList },
  { id: 'retention', name: 'Retention', right: 'figures', component: RetentionRules },
  { id: 'keys', name: 'Keys', right: 'admin', component: Keys },
]

export function Settings() {
  const { router, session } = usePage()
  const who = session.who.value
  const tabs = TABS.filter(({ right }) => who && mayUse(who, right))
  const wanted = router.place.value.params.get('tab')
  const tab = tabs.find(({ id }) => id === wanted) ?? tabs[0]
  return (
    <div class="sheet sections">
      <h1>Settings</h1>
      <nav class="tabs" aria-label="Settings">
        {tabs.map(({ id, name }) => (
          <a key={id} href={`/view/settings?tab=${id}`} aria-current={id === tab?.id ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      {tab && <tab.component />}
    </div>
  )
}

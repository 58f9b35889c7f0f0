import { mayUse } from '../api/session.ts'
import { usePage } from '../shell/page.ts'
import '../style/sections.css'
import { Agents } from './agents.tsx'
import { Records } from './records.tsx'
import { OWN, RECORDS } from './trail.ts'

/** Who did what: records that programs send, who sends them, and what was done to this server. */
export function Audit() {
  const { router, session } = usePage()
  const who = session.who.value
  const isOwn = router.place.value.params.get('of') === 'server'
  return (
    <div class="sheet sections">
      <h1>Audit</h1>
      <nav class="tabs" aria-label="Audit trails">
        <a href="/view/audit" aria-current={isOwn ? undefined : 'page'}>
          Records of programs
        </a>
        <a href="/view/audit?of=server" aria-current={isOwn ? 'page' : undefined}>
          This server
        </a>
      </nav>
      {!isOwn && who && mayUse(who, 'figures') && <Agents />}
      <Records trail={isOwn ? OWN : RECORDS} />
    </div>
  )
}

import { useState } from 'preact/hooks'
import type { Role } from '../../src/core/principal.ts'
import { asProblem } from '../api/client.ts'
import { KEYS_PATH, parseStamps, type KeyInfo, type NewKey } from '../api/keys.ts'
import { Button } from '../parts/button.tsx'
import { Choice } from '../parts/choice.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { usePage } from '../shell/page.ts'

const ROLE_WORDS: readonly (readonly [role: Role, words: string])[] = [
  ['write', 'write: sends events'],
  ['read', 'read: searches and tails'],
  ['admin', 'admin: both, and manages keys'],
]
const LIVES: readonly (readonly [life: string, words: string])[] = [
  ['', 'never'],
  ['1d', 'in a day'],
  ['30d', 'in 30 days'],
  ['90d', 'in 90 days'],
  ['365d', 'in a year'],
]

interface Draft {
  role: Role
  name: string
  expires: string
  filter: string
  stamps: string
  addresses: string
}

/** Makes a key. While there are none, it is an admin key, and this page logs in with it at once. */
export function KeyForm({
  onClose,
  onMade,
}: {
  onClose: () => void
  onMade: (made: { key: string; info: KeyInfo }) => void
}) {
  const { client, session } = usePage()
  const isFirst = session.who.value?.open ?? false
  const role = isFirst ? 'admin' : 'write'
  const [draft, setDraft] = useState<Draft>({ role, name: '', expires: '', filter: '', stamps: '', addresses: '' })
  const [problem, setProblem] = useState<string>()
  const set = (changes: Partial<Draft>): void => setDraft({ ...draft, ...changes })
  const make = async (): Promise<void> => {
    const key = keyOf(draft)
    if (typeof key === 'string') return setProblem(key)
    try {
      const made = await client.send<{ key: string; info: KeyInfo }>('POST', KEYS_PATH, key)
      if (isFirst) await session.logIn(made.key)
      onMade(made)
    } catch (error) {
      setProblem(asProblem(error).message)
    }
  }
  return (
    <Dialog title={isFirst ? 'Make the first key' : 'Make a key'} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          void make()
        }}
      >
        <Choice
          name="Role"
          value={draft.role}
          choices={ROLE_WORDS}
          isDisabled={isFirst}
          onChange={(value) => set({ role: value })}
        />
        <Field
          name="Name"
          hint="For people: who or what uses it"
          value={draft.name}
          onInput={(name) => set({ name })}
        />
        <Choice name="Expires" value={draft.expires} choices={LIVES} onChange={(expires) => set({ expires })} />
        <RoleFields draft={draft} set={set} />
        <Field
          name="Addresses"
          hint="It is accepted from these only, such as 10.0.0.0/8; empty: from everywhere"
          value={draft.addresses}
          onInput={(addresses) => set({ addresses })}
        />
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="row">
          <button class="button primary">Make the key</button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  )
}

function RoleFields({ draft, set }: { draft: Draft; set: (changes: Partial<Draft>) => void }) {
  if (draft.role === 'read') {
    return (
      <Field
        name="Filter"
        hint="It reads only events that match, such as service:billing; empty: everything"
        value={draft.filter}
        onInput={(filter) => set({ filter })}
      />
    )
  }
  if (draft.role !== 'write') return null
  return (
    <Field
      name="Stamps"
      hint="What its events bear, whatever they claim, such as service=shop, host=web-1"
      value={draft.stamps}
      onInput={(stamps) => set({ stamps })}
    />
  )
}

/** What the server is asked for; a text says what is wrong. */
function keyOf({ role, name, expires, filter, stamps, addresses }: Draft): NewKey | string {
  const parsed = role === 'write' ? parseStamps(stamps) : {}
  if (typeof parsed === 'string') return parsed
  const list = addresses.split(/[\s,]+/).filter(Boolean)
  return {
    role,
    ...(name.trim() !== '' && { name: name.trim() }),
    ...(expires !== '' && { expires }),
    ...(role === 'read' && filter.trim() !== '' && { filter: filter.trim() }),
    ...(Object.keys(parsed).length > 0 && { stamps: parsed }),
    ...(list.length > 0 && { addresses: list }),
  }
}

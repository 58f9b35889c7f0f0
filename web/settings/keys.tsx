import { useState } from 'preact/hooks'
import { asProblem } from '../api/client.ts'
import { keyState, KEYS_PATH, type KeyInfo } from '../api/keys.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { When } from '../parts/when.tsx'
import { usePage } from '../shell/page.ts'
import { KeyForm } from './key-form.tsx'
import { NewKeyText } from './new-key-text.tsx'

/** Who may do what: made here, shown once, revoked. */
export function Keys() {
  const { client, session, toasts } = usePage()
  const { value, problem, retry } = useLoad('keys', (signal) => client.get<{ keys: KeyInfo[] }>(KEYS_PATH, {}, signal))
  const [isMaking, setMaking] = useState(false)
  const [made, setMade] = useState<{ key: string; info: KeyInfo }>()
  const [doomed, setDoomed] = useState<KeyInfo>()
  const revoke = async ({ id, name }: KeyInfo): Promise<void> => {
    setDoomed(undefined)
    try {
      await client.send('DELETE', `${KEYS_PATH}/${id}`)
      toasts.say(`The key “${name || id}” is revoked.`)
    } catch (error) {
      toasts.complain(asProblem(error).message)
    }
    retry()
  }
  if (!value) return problem ? <Failure problem={problem} onRetry={retry} /> : <Loading what="the keys" />
  return (
    <section aria-labelledby="keys">
      <h2 id="keys">Keys</h2>
      {session.who.value?.open && (
        <p>
          There are no keys: everybody who reaches this server may do everything. With the first key, an admin key, that
          ends; this page is then logged in with it.
        </p>
      )}
      {made && <NewKeyText made={made} onClose={() => setMade(undefined)} />}
      <div class="row">
        <Button kind="primary" icon="include" onClick={() => setMaking(true)}>
          Make a key
        </Button>
      </div>
      {value.keys.length > 0 && <KeyTable keys={value.keys} onRevoke={setDoomed} />}
      {isMaking && (
        <KeyForm
          onClose={() => setMaking(false)}
          onMade={(created) => {
            setMaking(false)
            setMade(created)
            retry()
          }}
        />
      )}
      {doomed && (
        <Confirm
          title={`Revoke “${doomed.name || doomed.id}”?`}
          action="Revoke the key"
          onConfirm={() => void revoke(doomed)}
          onClose={() => setDoomed(undefined)}
        >
          <p>
            Whatever uses it stops at once: senders are refused, its sessions and tokens end, its tails and exports are
            cut. This cannot be undone.
          </p>
        </Confirm>
      )}
    </section>
  )
}

function KeyTable({ keys, onRevoke }: { keys: readonly KeyInfo[]; onRevoke: (key: KeyInfo) => void }) {
  const nowMs = Date.now()
  return (
    <Table
      caption="All keys, oldest first"
      rows={keys}
      keyOf={({ id }) => id}
      columns={[
        {
          name: 'Key',
          cell: ({ id, name }) => (
            <>
              {name !== '' && <strong>{name} </strong>}
              <code>{id}</code>
            </>
          ),
        },
        { name: 'Role', cell: ({ role }) => role },
        { name: 'Limits', cell: limitsOf },
        {
          name: 'Made',
          cell: ({ created, createdBy }) => (
            <>
              <When time={created} /> {createdBy !== '' && <span class="soft">by {createdBy}</span>}
            </>
          ),
        },
        { name: 'Last used', cell: ({ lastUsed }) => (lastUsed === null ? '–' : <When time={lastUsed} />) },
        {
          name: 'State',
          cell: (key) => {
            const state = keyState(key, nowMs)
            if (state !== 'valid') return <span class="ended">{state}</span>
            return key.expires === null ? 'valid' : <>until {<When time={key.expires} isExact />}</>
          },
        },
        {
          name: 'Change',
          cell: (key) =>
            keyState(key, nowMs) === 'valid' && (
              <Button isSmall kind="danger" onClick={() => onRevoke(key)}>
                Revoke
              </Button>
            ),
        },
      ]}
    />
  )
}

function limitsOf({ filter, stamps, addresses }: KeyInfo) {
  const parts = [
    filter !== '' && `reads ${filter}`,
    ...Object.entries(stamps).map(([field, value]) => `stamps ${field}=${value}`),
    addresses.length > 0 && `from ${addresses.join(', ')}`,
  ].filter((part) => part !== false)
  return parts.length === 0 ? '–' : <code>{parts.join('; ')}</code>
}

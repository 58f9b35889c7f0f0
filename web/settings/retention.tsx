import { useState } from 'preact/hooks'
import { formatSize } from '../../src/core/units.ts'
import { asProblem } from '../api/client.ts'
import { RETENTION_PATH, type DoomedEvents, type Retention, type RetentionRule } from '../api/saved.ts'
import { mayUse } from '../api/session.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { daysText } from '../parts/figures.ts'
import { Pairs } from '../parts/pairs.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useLoad } from '../parts/use-load.ts'
import { usePage } from '../shell/page.ts'
import { Doomed } from './doomed.tsx'
import { RuleEditor } from './rule-editor.tsx'

const MS_PER_DAY = 86_400_000

/** How long events are kept, what changes that, and what a change would delete. */
export function RetentionRules() {
  const { client, session } = usePage()
  const { value, problem, retry } = useLoad('retention', (signal) => client.get<Retention>(RETENTION_PATH, {}, signal))
  if (!value) return problem ? <Failure problem={problem} onRetry={retry} /> : <Loading what="the retention" />
  const who = session.who.value
  const isAdmin = who !== undefined && mayUse(who, 'admin')
  return (
    <section aria-labelledby="retention">
      <h2 id="retention">Retention</h2>
      <Pairs
        pairs={[
          ['Kept for', value.ageMs === 0 ? 'ever' : daysText(value.ageMs / MS_PER_DAY)],
          ['Size limit', value.diskBytes === 0 ? 'none' : formatSize(value.diskBytes)],
        ]}
      />
      <p class="soft">
        These two are settings of the server (<code>retention.age</code>, <code>retention.diskBytes</code>). Rules keep
        what a filter selects longer or shorter; the first that selects an event decides. They are applied once an hour.
      </p>
      {value.configured.length > 0 && (
        <RuleTable
          caption="Rules of the configuration: they come first, and are changed there"
          rules={value.configured}
        />
      )}
      {isAdmin ? (
        <Editor key={value.revision} retention={value} onSaved={retry} />
      ) : (
        <RuleTable caption="Rules set here" rules={value.rules} />
      )}
    </section>
  )
}

function RuleTable({ caption, rules }: { caption: string; rules: readonly RetentionRule[] }) {
  return (
    <Table
      caption={caption}
      isCaptionSeen
      rows={rules}
      keyOf={(_rule, index) => index}
      columns={[
        { name: 'Filter', cell: ({ filter }) => <code>{filter}</code> },
        { name: 'Kept for', cell: ({ age }) => (age === '0' ? 'ever' : age) },
      ]}
    />
  )
}

function Editor({ retention, onSaved }: { retention: Retention; onSaved: () => void }) {
  const { client, toasts } = usePage()
  const [rules, setRules] = useState<readonly RetentionRule[]>(retention.rules)
  const [preview, setPreview] = useState<readonly DoomedEvents[]>()
  const [problem, setProblem] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const [isSure, setSure] = useState(false)
  const change = (next: readonly RetentionRule[]): void => {
    setRules(next)
    setPreview(undefined)
    setProblem(undefined)
  }
  const attempt = async (run: () => Promise<void>): Promise<void> => {
    setBusy(true)
    setProblem(undefined)
    try {
      await run()
    } catch (error) {
      setProblem(asProblem(error).message)
    }
    setBusy(false)
  }
  const look = (): Promise<void> =>
    attempt(async () => {
      const answer = await client.send<{ rules: DoomedEvents[] }>('POST', `${RETENTION_PATH}/preview`, { rules })
      setPreview(answer.rules)
    })
  const save = (): Promise<void> =>
    attempt(async () => {
      setSure(false)
      await client.send('PUT', RETENTION_PATH, { rules, revision: retention.revision })
      toasts.say('The rules are saved. They are applied within an hour.')
      onSaved()
    })
  const isChanged = JSON.stringify(rules) !== JSON.stringify(retention.rules)
  return (
    <>
      <RuleEditor rules={rules} onChange={change} />
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="row">
        <Button isDisabled={isBusy} onClick={() => void look()}>
          What would be deleted?
        </Button>
        <Button kind="primary" isDisabled={isBusy || !isChanged || preview === undefined} onClick={() => setSure(true)}>
          Save the rules
        </Button>
        {isChanged && preview === undefined && <span class="soft">Look at what would be deleted before you save.</span>}
      </div>
      {preview && <Doomed rules={preview} />}
      {isSure && (
        <Confirm
          title="Save these rules?"
          action="Save the rules"
          onConfirm={() => void save()}
          onClose={() => setSure(false)}
        >
          {preview && <Doomed rules={preview} />}
          <p>What they delete is gone for good.</p>
        </Confirm>
      )}
    </>
  )
}

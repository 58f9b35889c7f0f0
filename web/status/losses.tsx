import type { Status } from '../../src/api/status-schema.ts'
import { formatCount } from '../../src/core/units.ts'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/when.tsx'

interface Loss {
  source: string
  reason: string
  count: number
  newest: readonly { at: string; text: string }[]
}

/** What came and was not kept, and why; and what else did not reach somebody. */
export function Losses({ status: { ingest, counters } }: { status: Status }) {
  const { bySource, examples } = ingest.rejected
  const losses: Loss[] = Object.entries(bySource)
    .flatMap(([source, reasons]) =>
      Object.entries(reasons).map(([reason, count]) => {
        const found = examples.find((example) => example.source === source && example.reason === reason)
        return { source, reason, count, newest: found?.newest ?? [] }
      }),
    )
    .toSorted((a, b) => b.count - a.count)
  const others = otherLosses(counters)
  return (
    <section aria-labelledby="losses">
      <h2 id="losses">Not taken</h2>
      {losses.length === 0 ? (
        <p class="soft">Everything that came was taken.</p>
      ) : (
        <ul class="losses">
          {losses.map((loss) => (
            <li key={`${loss.source} ${loss.reason}`}>
              <LossItem loss={loss} />
            </li>
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <Table
          caption="What else was refused, skipped or lost"
          isCaptionSeen
          rows={others}
          keyOf={({ name, labels }) => name + labels}
          columns={[
            { name: 'What', cell: ({ name }) => <code>{name}</code> },
            { name: 'Which', cell: ({ labels }) => labels },
            { name: 'How often', isNumber: true, cell: ({ value }) => formatCount(value) },
          ]}
        />
      )}
    </section>
  )
}

function LossItem({ loss: { source, reason, count, newest } }: { loss: Loss }) {
  const head = (
    <>
      <strong>{formatCount(count)}</strong> {reason.replaceAll('_', ' ')} <span class="soft">from {source}</span>
    </>
  )
  if (newest.length === 0) return <p>{head}</p>
  return (
    <details>
      <summary>{head}</summary>
      <ul class="examples">
        {newest.map(({ at, text }, index) => (
          <li key={index}>
            <When time={at} /> <code>{text}</code>
          </li>
        ))}
      </ul>
    </details>
  )
}

const LOSS = /_(?:dropped|lost|skipped|refused|limited|failures|failed_bodies|slow_readers|overflow)(?:_total)?$/

function otherLosses(counters: Status['counters']): { name: string; labels: string; value: number }[] {
  return counters
    .filter(({ name, value }) => value > 0 && LOSS.test(name))
    .map(({ name, labels, value }) => ({
      name,
      labels: Object.entries(labels)
        .map(([label, text]) => `${label} ${text}`)
        .join(', '),
      value,
    }))
}

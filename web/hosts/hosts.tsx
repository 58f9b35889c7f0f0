import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { formatCount } from '../../src/core/units.ts'
import { withParameters } from '../api/client.ts'
import { TimePicker } from '../explore/time-picker.tsx'
import { Field } from '../parts/field.tsx'
import { Empty, Failure, Loading } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/when.tsx'
import { quotedValue } from '../query/filter-text.ts'
import { usePage } from '../shell/page.ts'
import { hrefWith } from '../shell/router.ts'
import type { RangeText } from '../time/range.ts'
import '../style/sections.css'
import { useSeen, type Seen } from './use-seen.ts'

const RANGE: RangeText = { start: '-24h', end: undefined }

/** Where events come from: hosts, and the files and listeners of each. */
export function Hosts() {
  const { router } = usePage()
  const { params } = router.place.value
  const host = params.get('host') ?? undefined
  const start = params.get('start') ?? undefined
  const range = start === undefined ? RANGE : { start, end: params.get('end') ?? undefined }
  const [isTimeOpen, setTimeOpen] = useState(false)
  return (
    <div class="sheet sections">
      <div class="row">
        <h1 class="grow">{host === undefined ? 'Hosts' : host === '' ? 'Events without a host' : host}</h1>
        <TimePicker
          range={range}
          isLive={false}
          zone={params.get('zone') === 'utc' ? 'utc' : 'local'}
          isOpen={isTimeOpen}
          onToggle={setTimeOpen}
          onRange={({ start, end }) => router.set({ start, end })}
          onZone={(zone) => router.set({ zone: zone === 'utc' ? zone : undefined }, { replace: true })}
        />
      </div>
      {host === undefined ? <HostList range={range} /> : <FileList host={host} range={range} />}
    </div>
  )
}

function HostList({ range }: { range: RangeText }) {
  const { router } = usePage()
  const found = useSeen('host', '*', range)
  return (
    <SeenList
      found={found}
      what="host"
      nameOf={({ name }) => <a href={hrefWith(router.place.value, { host: name })}>{name || '(none)'}</a>}
      filterOf={({ name }) => (name === '' ? '-host:*' : `host:${quotedValue(name)}`)}
      range={range}
    />
  )
}

function FileList({ host, range }: { host: string; range: RangeText }) {
  const { router } = usePage()
  const filter = host === '' ? '-host:*' : `host:${quotedValue(host)}`
  const found = useSeen('source', filter, range)
  return (
    <>
      <p>
        <a href={hrefWith(router.place.value, { host: undefined })}>All hosts</a>
      </p>
      <SeenList
        found={found}
        what="file or listener"
        nameOf={({ name }) => <code>{name || '(none)'}</code>}
        filterOf={({ name }) => `${filter} ${name === '' ? '-source:*' : `source:${quotedValue(name)}`}`}
        range={range}
      />
    </>
  )
}

interface SeenListProps {
  found: ReturnType<typeof useSeen>
  what: string
  nameOf: (seen: Seen) => ComponentChildren
  /** Which events they are. */
  filterOf: (seen: Seen) => string
  range: RangeText
}

function SeenList({ found: { value, problem, retry }, what, nameOf, filterOf, range }: SeenListProps) {
  const [word, setWord] = useState('')
  if (problem) return <Failure problem={problem} onRetry={retry} />
  if (!value) return <Loading what={`the ${what}s`} />
  if (value.length === 0) {
    return (
      <Empty title="No event in this time">
        <p>Choose a longer one.</p>
      </Empty>
    )
  }
  const shown = value.filter(({ name }) => name.toLowerCase().includes(word.trim().toLowerCase()))
  const times = { start: range.start, end: range.end }
  return (
    <>
      <Field name={`Find a ${what}`} value={word} onInput={setWord} />
      <Table
        caption={`${formatCount(shown.length)} of ${formatCount(value.length)}, the latest first`}
        isCaptionSeen
        isAlwaysTable
        rows={shown}
        keyOf={({ name }) => name}
        columns={[
          { name: what === 'host' ? 'Host' : 'File', cell: nameOf },
          { name: 'Last event', cell: ({ last }) => <When time={last} /> },
          {
            name: 'Errors',
            isNumber: true,
            cell: (seen) =>
              seen.errors === 0 ? (
                '0'
              ) : (
                <a class="problem" href={withParameters('/', { q: `${filterOf(seen)} level:>=error`, ...times })}>
                  {formatCount(seen.errors)}
                </a>
              ),
          },
          {
            name: 'Events',
            isNumber: true,
            cell: (seen) => (
              <a href={withParameters('/', { q: filterOf(seen), ...times })}>{formatCount(seen.events)}</a>
            ),
          },
          {
            name: 'Follow',
            cell: (seen) => <a href={withParameters('/', { q: filterOf(seen) })}>live</a>,
          },
        ]}
      />
    </>
  )
}

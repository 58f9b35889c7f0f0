import type { Status } from '../../src/api/status-schema.ts'
import { formatCount, formatSize } from '../../src/core/units.ts'
import { daysText } from '../parts/figures.ts'
import { Meter } from '../parts/meter.tsx'
import { Pairs } from '../parts/pairs.tsx'
import { Table } from '../parts/table.tsx'
import { When } from '../parts/when.tsx'

/** What the schema leaves open, as the store gives it. */
interface StoreFigures {
  kind?: string
  version?: string | null
  rows?: number
  oldest?: string | null
  newest?: string | null
  memoryBytes?: number | null
  restarts?: number
  retention?: { at: string; rule: string; filter?: string; partition: string; rows: number; bytes: number }[]
}

/** Spool, store, disk, and what retention has dropped. */
export function Storage({ status }: { status: Status }) {
  const { spool, disk, lag } = status
  const store = status.store as Status['store'] & StoreFigures
  const runs = store.retention ?? []
  return (
    <section aria-labelledby="storage">
      <h2 id="storage">Spool, store and disk</h2>
      <Meter
        name="Spool"
        used={spool.pendingBytes}
        max={spool.bytesMax}
        text={`Spool: ${formatSize(spool.pendingBytes)} of ${formatSize(spool.bytesMax)} wait for the store`}
      />
      <Pairs
        pairs={[
          ['Waiting', `${formatCount(spool.pendingRows)} events in ${formatCount(spool.pendingFiles)} files`],
          ['Set aside', spool.quarantinedFiles === 0 ? 'nothing' : `${formatCount(spool.quarantinedFiles)} files`],
          ['Last failure', spool.lastLoadError ?? 'none'],
          ['Newest stored', lag.newestStored === null ? '–' : <When time={lag.newestStored} />],
          ['Engine', `${store.kind ?? ''} ${store.version ?? ''}`.trim() || '–'],
          ['Restarts', formatCount(store.restarts ?? 0)],
          ['Memory', store.memoryBytes ? formatSize(store.memoryBytes) : '–'],
          ['Events', formatCount(store.rows ?? 0)],
          ['Oldest', store.oldest ? <When time={store.oldest} isExact /> : '–'],
          ['On disk', disk.usedBytes === null ? '–' : formatSize(disk.usedBytes)],
          ['Free', disk.freeBytes === null ? '–' : formatSize(disk.freeBytes)],
          ['A day takes', disk.bytesPerDay === null ? '–' : `about ${formatSize(disk.bytesPerDay)}`],
          ['Lasts for', disk.daysLeft === null ? '–' : `${daysText(disk.daysLeft)}, if nothing is deleted`],
        ]}
      />
      {runs.length > 0 && (
        <Table
          caption="What retention has dropped last"
          isCaptionSeen
          rows={runs}
          keyOf={(_run, index) => index}
          columns={[
            { name: 'When', cell: ({ at }) => <When time={at} /> },
            { name: 'Rule', cell: ({ rule, filter }) => filter ?? (rule === 'diskBytes' ? 'size' : rule) },
            { name: 'Days', cell: ({ partition }) => partition || 'within days' },
            { name: 'Events', isNumber: true, cell: ({ rows }) => formatCount(rows) },
            { name: 'Bytes', isNumber: true, cell: ({ bytes }) => (bytes === 0 ? '–' : formatSize(bytes)) },
          ]}
        />
      )}
    </section>
  )
}

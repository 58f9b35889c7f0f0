import type { Status } from '../../src/api/status-schema.ts'
import { formatCount, formatSize } from '../../src/core/units.ts'
import { Pairs } from '../parts/pairs.tsx'
import { When } from '../parts/when.tsx'

/** The process itself. */
export function Server({ status }: { status: Status }) {
  const { version, node, startedAt, process, access, tls } = status
  const live = status.live as { subscribers?: number; ringBytes?: number; ringEvents?: number }
  const keys = Object.entries(access.keys)
    .filter(([, count]) => count > 0)
    .map(([role, count]) => `${count} ${role}`)
  return (
    <section aria-labelledby="server">
      <h2 id="server">Server</h2>
      <Pairs
        pairs={[
          ['Version', version],
          ['Name', node],
          ['Started', <When time={startedAt} />],
          ['Memory', formatSize(process.residentBytes)],
          ['Open tails', formatCount(live.subscribers ?? 0)],
          ['In memory', `${formatCount(live.ringEvents ?? 0)} events, ${formatSize(live.ringBytes ?? 0)}`],
          ['Keys', access.open ? 'none: everybody may do everything' : keys.join(', ')],
          ['TLS', tls ? `${tls.kind}, until ${tls.notAfter.slice(0, 10)}` : 'off'],
        ]}
      />
    </section>
  )
}

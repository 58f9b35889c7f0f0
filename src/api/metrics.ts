import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import type { AgentStatus } from '../core/agent.ts'
import type { CounterSample, Labels } from '../core/counters.ts'
import { NS_PER_SECOND } from '../core/time.ts'
import type { ApiContext } from './context.ts'
import { textResponse, type ApiServer } from './schemas.ts'
import { lag } from './status.ts'
import type { StoreFigures } from './store-figures.ts'

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
/** How often the event loop is measured. A delay is what comes on top of it. */
const LOOP_RESOLUTION_MS = 10
const QUANTILES = [0.5, 0.99, 1] as const

interface Family {
  type: 'counter' | 'gauge' | 'summary'
  help: string
  samples: { labels: Labels; value: number }[]
}

/** `/metrics`: the counters and the gauges of every part, in Prometheus' text format 0.0.4. */
export function registerMetrics(app: ApiServer, context: ApiContext, figures: StoreFigures): void {
  const loopDelay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  loopDelay.enable()
  app.addHook('onClose', () => {
    loopDelay.disable()
  })
  app.get(
    '/metrics',
    {
      config: { access: 'figures' },
      schema: {
        tags: ['server'],
        summary: 'Figures for Prometheus',
        description: 'Event loop delays are those since the previous scrape.',
        produces: ['text/plain'],
        response: { 200: textResponse('Prometheus text format 0.0.4', 'text/plain') },
      },
    },
    async (_request, reply) => {
      const families = counterFamilies(context.counters.samples())
      addProcess(families, context)
      addEventLoop(families, loopDelay)
      await addParts(families, context, figures)
      return reply.header('cache-control', 'no-store').type(CONTENT_TYPE).send(renderMetrics(families))
    },
  )
}

type Families = Map<string, Family>

function counterFamilies(samples: readonly CounterSample[]): Families {
  const families: Families = new Map()
  for (const { name, labels, value } of samples) {
    const type = name.endsWith('_total') ? 'counter' : 'gauge'
    const family = families.get(name) ?? { type, help: name.replaceAll('_', ' '), samples: [] }
    family.samples.push({ labels, value })
    families.set(name, family)
  }
  return families
}

function gauge(families: Families, name: string, help: string, value: number | null | undefined): void {
  if (value === null || value === undefined) return
  families.set(name, { type: 'gauge', help, samples: [{ labels: {}, value }] })
}

function addProcess(families: Families, context: ApiContext): void {
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  families.set('process_cpu_seconds_total', {
    type: 'counter',
    help: 'User and system CPU time of the server process (the engine is another one)',
    samples: [{ labels: {}, value: (cpu.user + cpu.system) / 1e6 }],
  })
  gauge(families, 'process_resident_memory_bytes', 'Resident memory of the server process', memory.rss)
  gauge(families, 'process_heap_bytes', 'JavaScript heap in use', memory.heapUsed)
  gauge(families, 'process_start_time_seconds', 'When the process began', Number(context.startedNs / 1000n) / 1e6)
  families.set('tailrace_build_info', {
    type: 'gauge',
    help: 'Version and node name of this server',
    samples: [{ labels: { version: context.version, node: context.node }, value: 1 }],
  })
}

/** Node measures the whole interval between two timer runs; what lies above the resolution is the delay. */
function addEventLoop(families: Families, histogram: IntervalHistogram): void {
  const delaySeconds = (quantile: number): number => {
    const ns = quantile === 1 ? histogram.max : histogram.percentile(quantile * 100)
    return histogram.count === 0 ? 0 : Math.max(0, ns - LOOP_RESOLUTION_MS * 1e6) / 1e9
  }
  families.set('process_event_loop_delay_seconds', {
    type: 'gauge',
    help: 'How late the event loop ran since the previous scrape',
    samples: QUANTILES.map((quantile) => ({ labels: { quantile: String(quantile) }, value: delaySeconds(quantile) })),
  })
  histogram.reset()
}

async function addParts(families: Families, context: ApiContext, figures: StoreFigures): Promise<void> {
  const expiryMs = context.tls?.()?.notAfterMs
  gauge(families, 'tls_certificate_expiry_seconds', 'When the TLS certificate expires', expiryMs && expiryMs / 1000)
  const spool = context.spool.status()
  gauge(families, 'spool_pending_files', 'Files waiting for the store', spool.pendingFiles)
  gauge(families, 'spool_pending_bytes', 'Bytes waiting for the store', spool.pendingBytes)
  gauge(families, 'spool_pending_events', 'Events waiting for the store', spool.pendingRows)
  gauge(families, 'spool_limit_bytes', 'Size at which writers are refused', spool.bytesMax)
  gauge(families, 'spool_quarantined_files', 'Files set aside because they could not be loaded', spool.quarantinedFiles)
  gauge(families, 'spool_refusing', '1 while writers are refused', spool.refusing === null ? 0 : 1)
  gauge(families, 'store_lag_seconds', 'How far the store is behind what was acknowledged', lag(context).seconds)

  const live = context.live.status()
  gauge(families, 'live_ring_bytes', 'Memory of recent events', live.ringBytes)
  gauge(families, 'live_ring_events', 'Recent events in memory', live.ringEvents)
  gauge(families, 'live_subscribers', 'Open tails', live.subscribers)

  addAgents(families, context)

  const store = await figures.status()
  gauge(families, 'store_up', '1 while the store answers', context.store.isReady ? 1 : 0)
  gauge(families, 'store_events', 'Events in the store', store?.rows)
  gauge(families, 'store_disk_bytes', 'Bytes on disk of the stored events', store?.bytesOnDisk)
  gauge(families, 'store_memory_bytes', 'Memory of the engine', store?.memoryBytes)
  gauge(families, 'store_disk_free_bytes', 'Free space where the store writes', store?.diskFreeBytes)
  gauge(families, 'store_restarts', 'How often the engine was started again', store?.restarts)
  if (store?.droppedEvents !== undefined) {
    families.set('store_dropped_events_total', {
      type: 'counter',
      help: 'Acknowledged events that made room for newer ones, where memory is the only storage',
      samples: [{ labels: {}, value: store.droppedEvents }],
    })
  }
  const newestNs = context.spool.durableThroughNs
  gauge(
    families,
    'newest_event_received_seconds',
    'When the newest event came',
    Number(newestNs) / Number(NS_PER_SECOND),
  )
}

function addAgents(families: Families, { agents }: Pick<ApiContext, 'agents'>): void {
  const known = agents?.() ?? []
  const add = (name: string, help: string, valueOf: (agent: AgentStatus) => number): void => {
    const samples = known.map((agent) => ({
      labels: { agent: agent.agent, host: agent.host },
      value: valueOf(agent),
    }))
    if (samples.length > 0) families.set(name, { type: 'gauge', help, samples })
  }
  add('agent_up', '1 while the agent reports', ({ isAway }) => (isAway ? 0 : 1))
  add('agent_last_seen_seconds', 'When the agent was heard of last', ({ lastSeen }) => Date.parse(lastSeen) / 1000)
  add('agent_behind_bytes', 'Bytes that the agent has not delivered', ({ behindBytes }) => behindBytes)
  add('agent_behind_seconds', 'How long it has not been up to date', ({ behindSeconds }) => behindSeconds)
  add('agent_problems', 'Files and folders that it cannot read', ({ problems }) => problems)
}

function renderMetrics(families: Families): string {
  const lines: string[] = []
  for (const [name, { type, help, samples }] of families) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const { labels, value } of samples) lines.push(`${name}${renderLabels(labels)} ${value}`)
  }
  return `${lines.join('\n')}\n`
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

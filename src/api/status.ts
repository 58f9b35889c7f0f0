import type { CounterSample } from '../core/counters.ts'
import { formatTimestamp } from '../core/time.ts'
import type { StoreStatus } from '../store/store.ts'
import type { ApiContext } from './context.ts'
import { createRates, SAMPLE_MS, type Rates } from './rates.ts'
import type { ApiServer } from './schemas.ts'
import type { SlowQueries } from './slow-queries.ts'
import { StatusSchema } from './status-schema.ts'
import type { StoreFigures } from './store-figures.ts'

/** `/api/v1/status`: what came in, what is waiting, what is stored, what it costs. */
export function registerStatus(
  app: ApiServer,
  context: ApiContext,
  { figures, slow }: { figures: StoreFigures; slow: SlowQueries },
): void {
  const rates = createRates(context.counters, () => performance.now())
  const timer = setInterval(() => rates.sample(), SAMPLE_MS)
  timer.unref()
  app.addHook('onClose', () => clearInterval(timer))
  app.get(
    '/api/v1/status',
    {
      config: { access: 'figures' },
      schema: { tags: ['server'], summary: 'What the server is doing', response: { 200: StatusSchema } },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      const store = await figures.status()
      const samples = context.counters.samples()
      const memory = process.memoryUsage()
      return {
        version: context.version,
        node: context.node,
        startedAt: formatTimestamp(context.startedNs),
        uptimeSeconds: Number((context.clock() - context.startedNs) / 1_000_000n) / 1000,
        listeners: { ...context.listeners() },
        ...tlsFigures(context),
        ingest: {
          accepted: bySource(samples),
          rejected: { ...bySourceAndReason(samples), examples: rejectedExamples(context) },
          rates: rates.bySource(),
        },
        lag: lag(context),
        spool: { ...context.spool.status() },
        store: { ...(store ?? { state: 'down', reason: 'the store does not answer' }) },
        disk: diskFigures(store, rates),
        slowQueries: { thresholdMs: context.limits.slowQueryMs, newest: slow.list() },
        live: { ...context.live.status() },
        streams: { ...context.streams() },
        access: accessStatus(context),
        agents: [...(context.agents?.() ?? [])],
        audit: { agents: [...(context.auditAgents?.() ?? [])] },
        process: { pid: process.pid, residentBytes: memory.rss, heapBytes: memory.heapUsed },
        limits: { ...context.limits },
        counters: samples.map(({ name, labels, value }) => ({ name, labels: { ...labels }, value })),
      }
    },
  )
}

const SECONDS_PER_DAY = 86_400
/** With fewer events in the store the size of one says nothing about the next. */
const TELLING_EVENTS_MIN = 1000

/** How long the disk lasts if events keep coming as in the last hour, each as large as those in the store. */
export function diskFigures(
  store: Pick<StoreStatus, 'bytesOnDisk' | 'diskFreeBytes' | 'rows'> | undefined,
  rates: Pick<Rates, 'eventsPerSecond'>,
): { usedBytes: number | null; freeBytes: number | null; bytesPerDay: number | null; daysLeft: number | null } {
  const usedBytes = store?.bytesOnDisk ?? null
  const freeBytes = store?.diskFreeBytes ?? null
  if (!store || store.rows < TELLING_EVENTS_MIN) return { usedBytes, freeBytes, bytesPerDay: null, daysLeft: null }
  const bytesPerDay = Math.round(rates.eventsPerSecond() * (store.bytesOnDisk / store.rows) * SECONDS_PER_DAY)
  const daysLeft = freeBytes === null || bytesPerDay === 0 ? null : Math.round((freeBytes / bytesPerDay) * 10) / 10
  return { usedBytes, freeBytes, bytesPerDay, daysLeft }
}

function rejectedExamples({ counters }: Pick<ApiContext, 'counters'>): {
  source: string
  reason: string
  newest: { at: string; text: string }[]
}[] {
  return counters.examples('ingest_rejected_total').map(({ labels, newest }) => ({
    source: labels['source'] ?? 'other',
    reason: labels['reason'] ?? 'other',
    newest: newest.map(({ atMs, text }) => ({ at: new Date(atMs).toISOString(), text })),
  }))
}

function tlsFigures({ tls }: ApiContext): { tls?: { kind: string; fingerprint: string; notAfter: string } } {
  const shown = tls?.()
  if (!shown) return {}
  const { kind, fingerprint, notAfterMs } = shown
  return { tls: { kind, fingerprint, notAfter: new Date(notAfterMs).toISOString() } }
}

function accessStatus({ access }: Pick<ApiContext, 'access'>): { open: boolean; keys: Record<string, number> } {
  const { open, keys } = access.status()
  return { open, keys: { ...keys } }
}

/** How far the store is behind. Seconds between the newest durable event and the newest one known to be stored. */
export function lag(context: Pick<ApiContext, 'spool'>): {
  newestReceived: string | null
  newestStored: string | null
  seconds: number
} {
  const { durableThroughNs, storedThroughNs } = context.spool
  const behindNs = durableThroughNs > storedThroughNs && storedThroughNs > 0n ? durableThroughNs - storedThroughNs : 0n
  return {
    newestReceived: durableThroughNs > 0n ? formatTimestamp(durableThroughNs) : null,
    newestStored: storedThroughNs > 0n ? formatTimestamp(storedThroughNs) : null,
    seconds: Number(behindNs / 1000n) / 1e6,
  }
}

function bySource(samples: readonly CounterSample[]): { total: number; bySource: Record<string, number> } {
  const counts = new Map<string, number>()
  let total = 0
  for (const { name, labels, value } of samples) {
    if (name !== 'ingest_events_total') continue
    const source = labels['source'] ?? 'other'
    counts.set(source, (counts.get(source) ?? 0) + value)
    total += value
  }
  return { total, bySource: Object.fromEntries(counts) }
}

function bySourceAndReason(samples: readonly CounterSample[]): {
  total: number
  bySource: Record<string, Record<string, number>>
} {
  const sources = new Map<string, Map<string, number>>()
  let total = 0
  for (const { name, labels, value } of samples) {
    if (name !== 'ingest_rejected_total') continue
    const source = labels['source'] ?? 'other'
    const reasons = sources.get(source) ?? new Map<string, number>()
    const reason = labels['reason'] ?? 'other'
    reasons.set(reason, (reasons.get(reason) ?? 0) + value)
    sources.set(source, reasons)
    total += value
  }
  const entries = [...sources].map(([source, reasons]) => [source, Object.fromEntries(reasons)] as const)
  return { total, bySource: Object.fromEntries(entries) }
}

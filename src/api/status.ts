import { Type } from 'typebox'
import type { CounterSample } from '../core/counters.ts'
import { formatTimestamp } from '../core/time.ts'
import type { ApiContext } from './context.ts'
import type { ApiServer } from './schemas.ts'
import type { StoreFigures } from './store-figures.ts'

const CountsSchema = Type.Record(Type.String(), Type.Number())

const StatusSchema = Type.Object(
  {
    version: Type.String(),
    node: Type.String(),
    startedAt: Type.String(),
    uptimeSeconds: Type.Number(),
    listeners: Type.Record(Type.String(), Type.String()),
    tls: Type.Optional(
      Type.Object(
        {
          kind: Type.String({ description: '`files` or `self-signed`' }),
          fingerprint: Type.String({ description: 'SHA-256 of the certificate, hex with colons' }),
          notAfter: Type.String({ description: 'When the certificate expires' }),
        },
        { description: 'Absent without TLS' },
      ),
    ),
    ingest: Type.Object({
      accepted: Type.Object({ total: Type.Number(), bySource: CountsSchema }),
      rejected: Type.Object({
        total: Type.Number(),
        bySource: Type.Record(Type.String(), CountsSchema, { description: 'Source → reason → events' }),
      }),
    }),
    lag: Type.Object({
      newestReceived: Type.Union([Type.String(), Type.Null()], { description: 'Newest durable event' }),
      newestStored: Type.Union([Type.String(), Type.Null()], { description: 'All events up to here are in the store' }),
      seconds: Type.Number({ description: 'How far the store is behind what was acknowledged' }),
    }),
    spool: Type.Object(
      {
        pendingFiles: Type.Number(),
        pendingBytes: Type.Number(),
        pendingRows: Type.Number(),
        bytesMax: Type.Number(),
        loadingBatches: Type.Number(),
        quarantinedFiles: Type.Number(),
        refusing: Type.Union([Type.String(), Type.Null()]),
        lastLoadError: Type.Union([Type.String(), Type.Null()]),
      },
      { additionalProperties: true },
    ),
    store: Type.Object(
      { state: Type.String(), reason: Type.Union([Type.String(), Type.Null()]) },
      { additionalProperties: true, description: 'Engine, rows, bytes on disk, memory, retention runs' },
    ),
    disk: Type.Object({
      usedBytes: Type.Union([Type.Number(), Type.Null()]),
      freeBytes: Type.Union([Type.Number(), Type.Null()]),
    }),
    live: Type.Object({}, { additionalProperties: true, description: 'Rings in memory and tail subscribers' }),
    access: Type.Object({
      open: Type.Boolean({ description: 'There are no keys: everybody may do everything' }),
      keys: Type.Record(Type.String(), Type.Number(), { description: 'Valid ones, by role' }),
    }),
    process: Type.Object({ pid: Type.Number(), residentBytes: Type.Number(), heapBytes: Type.Number() }),
    limits: CountsSchema,
    counters: Type.Array(
      Type.Object({ name: Type.String(), labels: Type.Record(Type.String(), Type.String()), value: Type.Number() }),
    ),
  },
  { title: 'Status' },
)

/** `/api/v1/status`: what came in, what is waiting, what is stored, what it costs. */
export function registerStatus(app: ApiServer, context: ApiContext, figures: StoreFigures): void {
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
        ingest: { accepted: bySource(samples), rejected: bySourceAndReason(samples) },
        lag: lag(context),
        spool: { ...context.spool.status() },
        store: { ...(store ?? { state: 'down', reason: 'the store does not answer' }) },
        disk: { usedBytes: store?.bytesOnDisk ?? null, freeBytes: store?.diskFreeBytes ?? null },
        live: { ...context.live.status() },
        access: accessStatus(context),
        process: { pid: process.pid, residentBytes: memory.rss, heapBytes: memory.heapUsed },
        limits: { ...context.limits },
        counters: samples.map(({ name, labels, value }) => ({ name, labels: { ...labels }, value })),
      }
    },
  )
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

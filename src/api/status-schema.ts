import { Type, type Static } from 'typebox'

const CountsSchema = Type.Record(Type.String(), Type.Number())

const RateSchema = Type.Object(
  {
    eventsPerSecond: Type.Number({ description: 'Over the last minute' }),
    bytesPerSecond: Type.Number({ description: 'As sent, over the last minute' }),
    minutes: Type.Array(Type.Number(), { description: 'Events in each of the last 60 minutes, the newest last' }),
  },
  { title: 'Rate' },
)

/** What `/api/v1/status` answers. */
const OptionalText = Type.Union([Type.String(), Type.Null()])

const AgentSchema = Type.Object({
  host: Type.String(),
  serviceTreeId: OptionalText,
  version: OptionalText,
  osVersion: OptionalText,
  language: OptionalText,
  destination: OptionalText,
  connected: Type.Boolean(),
  firstSeen: Type.String(),
  lastHeartbeat: OptionalText,
  lastRecord: OptionalText,
  records: Type.Number(),
  invalid: Type.Number({ description: 'Records that break a rule of the schema' }),
  silentSince: Type.Union([Type.String(), Type.Null()], { description: 'null: alive' }),
})

export const StatusSchema = Type.Object(
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
        examples: Type.Array(
          Type.Object({
            source: Type.String(),
            reason: Type.String(),
            newest: Type.Array(Type.Object({ at: Type.String(), text: Type.String() })),
          }),
          { description: 'The newest of each source and reason: what was wrong, and how it began' },
        ),
      }),
      rates: Type.Record(Type.String(), RateSchema, { description: 'By source' }),
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
      bytesPerDay: Type.Union([Type.Number(), Type.Null()], {
        description: 'What a day takes at the rate of the last hour; null: that cannot be told yet',
      }),
      daysLeft: Type.Union([Type.Number(), Type.Null()], {
        description: 'Until the free space is used up at that rate, if nothing is deleted; null: never, or not known',
      }),
    }),
    slowQueries: Type.Object({
      thresholdMs: Type.Number({ description: 'From there on a query is slow' }),
      newest: Type.Array(
        Type.Object({
          at: Type.String({ description: 'Of the newest' }),
          tookMs: Type.Number({ description: 'Of the slowest' }),
          rowsRead: Type.Union([Type.Number(), Type.Null()], { description: 'Of the slowest; null: not counted' }),
          times: Type.Number({ description: 'How often the same came with the same key' }),
          status: Type.Number({ description: 'HTTP status of the newest' }),
          route: Type.String(),
          query: Type.String(),
          start: Type.String(),
          end: Type.String(),
          key: Type.Object({ id: Type.String(), name: Type.String() }),
        }),
      ),
    }),
    live: Type.Object({}, { additionalProperties: true, description: 'Rings in memory and tail subscribers' }),
    streams: Type.Object({
      live: Type.Number(),
      interrupted: Type.Number({ description: 'Whose writer was cut off' }),
      finished: Type.Number(),
      bytes: Type.Number({ description: 'Of all together, on disk' }),
      bytesMax: Type.Number({ description: 'Beyond it the oldest that have ended make room' }),
      writers: Type.Number(),
      readers: Type.Number(),
    }),
    access: Type.Object({
      open: Type.Boolean({ description: 'There are no keys: everybody may do everything' }),
      keys: Type.Record(Type.String(), Type.Number(), { description: 'Valid ones, by role' }),
    }),
    agents: Type.Array(
      Type.Object({
        agent: Type.String({ description: 'Its id' }),
        host: Type.String(),
        version: Type.String(),
        lastSeen: Type.String(),
        isAway: Type.Boolean({ description: 'It has missed several reports, which come every five seconds' }),
        events: Type.Number({ description: 'Delivered since the server started' }),
        files: Type.Number({ description: 'Followed by it' }),
        behindBytes: Type.Number({ description: 'Of its files, not yet delivered' }),
        behindSeconds: Type.Number({ description: 'How long it has not been up to date' }),
        problems: Type.Number({ description: 'Files and folders that it cannot read' }),
      }),
      { description: 'Agents that were heard of in the last 30 days' },
    ),
    audit: Type.Object({
      agents: Type.Array(AgentSchema, { description: 'Who sends audit records: alive, or silent since when' }),
    }),
    process: Type.Object({ pid: Type.Number(), residentBytes: Type.Number(), heapBytes: Type.Number() }),
    limits: CountsSchema,
    counters: Type.Array(
      Type.Object({ name: Type.String(), labels: Type.Record(Type.String(), Type.String()), value: Type.Number() }),
    ),
  },
  { title: 'Status' },
)

export type Status = Static<typeof StatusSchema>

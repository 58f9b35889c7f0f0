import { Type, type Static } from 'typebox'
import { formatDuration, formatTimestamp } from '../core/time.ts'
import { intersectRanges } from '../query/query.ts'
import type { BucketCount } from './event-reader.ts'
import { fieldExpression } from './field-expression.ts'
import { chooseBuckets, givenBuckets, BUCKETS_MAX, type Buckets } from './intervals.ts'
import { End, QueryText, Start, Timeout } from './parameters.ts'
import { checkedQuery } from './questions.ts'
import { whileConnected, type Reader, type Reading } from './reading.ts'
import { problems, type ApiServer } from './schemas.ts'
import { countdown, parseRange, parseSpan, parseTimeoutMs } from './times.ts'

const BUCKETS = 60
/** Values of `by` that are counted apart; the rest is counted together. */
const VALUES_MAX = 10

const HistogramSchema = Type.Object(
  {
    interval: Type.String({ description: 'Length of a bucket' }),
    buckets: Type.Array(
      Type.Object({
        start: Type.String(),
        total: Type.Number(),
        by: Type.Record(Type.String(), Type.Number(), {
          description: `Events by value; an absent value counts under the empty name. At most ${VALUES_MAX} values, levels aside`,
        }),
        other: Type.Optional(Type.Number({ description: 'Events of all other values' })),
      }),
    ),
  },
  { title: 'Histogram' },
)

/** `/api/v1/histogram`: how many events when, by level or another field; buckets without events are there, with zero. */
export function registerHistogram(app: ApiServer, reading: Reading): void {
  app.get(
    '/api/v1/histogram',
    {
      config: { access: 'read' },
      schema: {
        tags: ['reading'],
        summary: 'How many events when',
        querystring: Type.Object({
          query: Type.Optional(QueryText),
          start: Type.Optional(Start),
          end: Type.Optional(End),
          buckets: Type.Optional(
            Type.Integer({ minimum: 1, maximum: BUCKETS_MAX, description: `About how many; ${BUCKETS} unless given` }),
          ),
          interval: Type.Optional(Type.String({ description: 'Length of a bucket instead, such as 5m' })),
          by: Type.Optional(Type.String({ description: 'A field to count by; level unless given' })),
          timeout: Type.Optional(Timeout),
        }),
        response: { 200: HistogramSchema, ...problems(400, 408, 413, 429, 503) },
      },
    },
    (request, reply) => whileConnected(reading, request, reply, (reader) => histogram(reading, request.query, reader)),
  )
}

interface HistogramParameters {
  query?: string
  start?: string
  end?: string
  buckets?: number
  interval?: string
  by?: string
  timeout?: string
}

async function histogram(
  { context, events }: Reading,
  parameters: HistogramParameters,
  { view, signal }: Reader,
): Promise<Static<typeof HistogramSchema>> {
  const nowNs = context.clock()
  const query = checkedQuery(view, parameters.query ?? '', { nowNs, target: 'search' })
  const range = intersectRanges(parseRange(parameters.start, parameters.end, nowNs), query.range)
  const spanNs = parameters.interval === undefined ? undefined : parseSpan('interval', parameters.interval)
  const by = fieldExpression(parameters.by ?? 'level')
  const timeLeftMs = countdown(parseTimeoutMs(parameters.timeout, context.limits.queryTimeoutMsMax))

  const isOpen = range.fromNs === undefined || range.toNs === undefined
  const times = isOpen ? await events.times(view, signal, timeLeftMs) : undefined
  const fromNs = range.fromNs ?? times?.oldestNs
  const toNs = range.toNs ?? (times && times.newestNs + 1n)
  if (fromNs === undefined || toNs === undefined || toNs <= fromNs)
    return { interval: formatDuration(spanNs ?? 60_000_000_000n), buckets: [] }
  const buckets =
    spanNs === undefined
      ? chooseBuckets(fromNs, toNs, parameters.buckets ?? BUCKETS)
      : givenBuckets(fromNs, toNs, spanNs)
  const question = { query, range: { fromNs, toNs }, buckets, by: by.name, valuesMax: VALUES_MAX }
  const counted = await events.bucketCounts(question, { signal, timeoutMs: timeLeftMs() })
  return { interval: formatDuration(buckets.intervalNs), buckets: fill(buckets, counted) }
}

type Bucket = Static<typeof HistogramSchema>['buckets'][number]

function fill(buckets: Buckets, counts: readonly BucketCount[]): Bucket[] {
  const filled = Array.from({ length: buckets.count }, (_, index) => ({
    start: formatTimestamp(buckets.firstNs + BigInt(index) * buckets.intervalNs),
    total: 0,
    values: new Map<string, number>(),
    other: 0,
  }))
  for (const { bucket, value, events } of counts) {
    const into = filled[bucket]
    if (!into) continue
    into.total += events
    if (value === undefined) into.other += events
    else into.values.set(value, (into.values.get(value) ?? 0) + events)
  }
  return filled.map(({ start, total, values, other }) => ({
    start,
    total,
    by: Object.fromEntries(values),
    ...(other === 0 ? {} : { other }),
  }))
}

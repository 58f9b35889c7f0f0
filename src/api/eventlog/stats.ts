import { Type, type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import { LEVELS, levelOf } from '../../core/severity.ts'
import { formatTimestamp } from '../../core/time.ts'
import type { CountedBy, EventCountsOptions } from '../../store/eventlog-stats.ts'
import { whileConnected, type Reader, type Reading } from '../reading.ts'
import { problems, type ApiServer } from '../schemas.ts'
import { joinConditions, within, type Condition } from '../stored-events.ts'
import { parseRange } from '../times.ts'
import { visibleCondition } from '../view.ts'
import { checkedFacility, LevelParameter, parseLevels } from './page-question.ts'
import { SCANNED_EVENTS_MAX, scannedCountsStatement, scannedTextsStatement } from './stats-scan.ts'

const ROWS_MAX = 10_000
const TEXTS = 100
const DAY_NS = 86_400_000_000_000n
const NS_PER_SECOND = 1_000_000_000n
/** The last minute that the rollup knows. */
const SECONDS_MAX = 4_294_967_280n
const KEYS: readonly CountedBy[] = ['facility', 'level', 'minute', 'hour', 'day']

const StatsParameters = Type.Object({
  since: Type.Optional(Type.String({ description: 'From this time on; a day back unless given' })),
  until: Type.Optional(Type.String({ description: 'Before this time; now unless given' })),
  facility: Type.Optional(Type.String({ description: 'Only this facility' })),
  level: Type.Optional(LevelParameter),
})
type StatsParameters = Static<typeof StatsParameters>
const CountParameters = Type.Object({
  ...StatsParameters.properties,
  by: Type.Optional(
    Type.String({
      description: 'level, facility, and one of day, hour, minute, with commas; one number for all without it',
      examples: ['level,hour'],
    }),
  ),
})
const TextParameters = Type.Object({
  ...StatsParameters.properties,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ROWS_MAX, description: `${TEXTS} unless given` })),
})

const approximate = Type.Boolean({
  description: `With a key that has a filter, ${SCANNED_EVENTS_MAX} events are looked at, and there were more`,
})
const CountsSchema = Type.Object(
  {
    since: Type.String({ description: 'Whole minutes are counted' }),
    until: Type.String(),
    rows: Type.Array(
      Type.Object({
        time: Type.Optional(Type.String({ description: 'Start of the day, hour or minute' })),
        facility: Type.Optional(Type.String()),
        level: Type.Optional(Type.String({ enum: LEVELS })),
        count: Type.Integer(),
      }),
    ),
    truncated: Type.Boolean({ description: `There are more than ${ROWS_MAX} rows` }),
    approximate,
  },
  {
    title: 'EventCounts',
    examples: [
      {
        since: '2026-11-21T00:00:00.000Z',
        until: '2026-11-22T00:00:00.000Z',
        rows: [{ time: '2026-11-21T04:00:00.000Z', level: 'error', count: 12 }],
        truncated: false,
        approximate: false,
      },
    ],
  },
)
const TextsSchema = Type.Object(
  {
    since: Type.String({ description: 'Whole hours are counted' }),
    until: Type.String(),
    events: Type.Array(
      Type.Object({
        event: Type.String({ description: 'The text, cut after 256 characters' }),
        facility: Type.String(),
        level: Type.String({ enum: LEVELS }),
        count: Type.Integer(),
        first: Type.String(),
        last: Type.String(),
      }),
      { description: 'Most frequent first' },
    ),
    approximate,
  },
  {
    title: 'EventTexts',
    examples: [
      {
        since: '2026-11-21T00:00:00.000Z',
        until: '2026-11-22T00:00:00.000Z',
        events: [
          {
            event: 'payment declined',
            facility: 'shop/billing',
            level: 'error',
            count: 12,
            first: '2026-11-21T04:05:06.789Z',
            last: '2026-11-21T04:59:01.002Z',
          },
        ],
        approximate: false,
      },
    ],
  },
)

/** `/api/v1/eventstats`: how much was logged, and what, from counts that are kept as events come. */
export function registerStats(app: ApiServer, reading: Reading): void {
  app.get(
    '/api/v1/eventstats',
    {
      config: { access: 'read' },
      schema: {
        tags: ['eventlog'],
        summary: 'Counts of the event log by level, facility and time',
        querystring: CountParameters,
        response: { 200: CountsSchema, ...problems(400, 408, 429, 503) },
      },
    },
    (request, reply) => whileConnected(reading, request, reply, (reader) => counts(reading, request.query, reader)),
  )
  app.get(
    '/api/v1/eventstats/events',
    {
      config: { access: 'read' },
      schema: {
        tags: ['eventlog'],
        summary: 'Distinct texts of the event log, with counts and when they were seen first and last',
        querystring: TextParameters,
        response: { 200: TextsSchema, ...problems(400, 408, 429, 503) },
      },
    },
    (request, reply) => whileConnected(reading, request, reply, (reader) => texts(reading, request.query, reader)),
  )
}

async function counts(
  { context }: Reading,
  parameters: Static<typeof CountParameters>,
  { view, signal }: Reader,
): Promise<Static<typeof CountsSchema>> {
  const by = parseBy(parameters.by)
  const asked = parseAsked(parameters, context.clock(), ROWS_MAX + 1)
  const statement =
    view.rollup?.eventCounts(by, asked.counted) ??
    scannedCountsStatement(by, scanned(asked, 60n, visibleCondition(view.everything)), ROWS_MAX + 1)
  const options = { signal, timeoutMs: context.limits.queryTimeoutMsMax }
  const { rows } = await context.store.select(statement, options)
  const unit = by.find((key) => key === 'minute' || key === 'hour' || key === 'day')
  const shown = rows.slice(0, ROWS_MAX).map(([count, ...cells]) => {
    const facility = by.includes('facility') ? { facility: String(cells.shift()) } : {}
    const level = by.includes('level') ? { level: levelOf(Number(cells.shift())) } : {}
    const time = unit ? { time: formatTimestamp(BigInt(String(cells.shift())) * NS_PER_SECOND) } : {}
    return { ...time, ...facility, ...level, count: Number(count) }
  })
  return {
    ...asked.shown,
    rows: shown,
    truncated: rows.length > ROWS_MAX,
    approximate: isApproximate(view.rollup, rows),
  }
}

async function texts(
  { context }: Reading,
  parameters: Static<typeof TextParameters>,
  { view, signal }: Reader,
): Promise<Static<typeof TextsSchema>> {
  const limit = parameters.limit ?? TEXTS
  const asked = parseAsked(parameters, context.clock(), limit)
  const statement =
    view.rollup?.eventTexts(asked.counted) ??
    scannedTextsStatement(scanned(asked, 3600n, visibleCondition(view.everything)), limit)
  const options = { signal, timeoutMs: context.limits.queryTimeoutMsMax }
  const { rows } = await context.store.select(statement, options)
  const events = rows.map(([event, facility, severity, count, first, last]) => ({
    event: String(event),
    facility: String(facility),
    level: levelOf(Number(severity)),
    count: Number(count),
    first: formatTimestamp(BigInt(String(first))),
    last: formatTimestamp(BigInt(String(last))),
  }))
  return { ...asked.shown, events, approximate: isApproximate(view.rollup, rows) }
}

function isApproximate(rollup: unknown, rows: readonly unknown[][]): boolean {
  return rollup === undefined && Number(rows[0]?.at(-1) ?? 0) >= SCANNED_EVENTS_MAX
}

function parseBy(text = ''): CountedBy[] {
  const by = text === '' ? [] : text.split(',').map((name) => name.trim())
  const times = by.filter((name) => name === 'minute' || name === 'hour' || name === 'day')
  const wrong = by.find((name) => !KEYS.some((key) => key === name))
  if (wrong === undefined && times.length < 2) return KEYS.filter((key) => by.includes(key))
  throw new AppError('REQUEST_INVALID', {
    detail:
      wrong === undefined ? 'by has two lengths of time.' : `by: ${JSON.stringify(wrong.slice(0, 100))} is not known.`,
    hint: 'Use level, facility, and one of day, hour, minute.',
  })
}

interface Asked {
  fromNs: bigint
  toNs: bigint
  counted: EventCountsOptions
  shown: { since: string; until: string }
}

function parseAsked(parameters: StatsParameters, nowNs: bigint, limit: number): Asked {
  const { since, until, facility, level } = parameters
  const range = parseRange(since, until, nowNs)
  const toNs = range.toNs ?? nowNs
  const fromNs = range.fromNs ?? toNs - DAY_NS
  return {
    fromNs,
    toNs,
    shown: { since: formatTimestamp(fromNs), until: formatTimestamp(toNs) },
    counted: {
      fromSeconds: seconds(fromNs),
      toSeconds: seconds(toNs - 1n),
      facility: facility === undefined || facility === '*' ? undefined : checkedFacility(facility),
      severities: parseLevels(level),
      limit,
    },
  }
}

function seconds(ns: bigint): number {
  const whole = ns / NS_PER_SECOND
  return Number(whole < 0n ? 0n : whole > SECONDS_MAX ? SECONDS_MAX : whole)
}

/** The same events as the rollup counts: whole minutes or hours. */
function scanned({ counted }: Asked, stepSeconds: bigint, visible: Condition): Condition {
  const { fromSeconds, toSeconds, facility, severities } = counted
  const first = BigInt(fromSeconds) / stepSeconds
  const last = BigInt(toSeconds) / stepSeconds
  const stepNs = stepSeconds * NS_PER_SECOND
  return joinConditions([
    within('timestamp', { fromNs: first * stepNs, toNs: (last + 1n) * stepNs }),
    ...(facility === undefined ? [] : [{ sql: 'service = {facility_is:String}', params: { facility_is: facility } }]),
    ...(severities === undefined
      ? []
      : [{ sql: 'has({severity_in:Array(UInt8)}, severity)', params: { severity_in: severities } }]),
    visible,
  ])
}

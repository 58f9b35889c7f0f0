import { Type, type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import { LEVELS, levelOf } from '../../core/severity.ts'
import { formatTimestamp, NS_PER_SECOND } from '../../core/time.ts'
import type { CountedBy } from '../../store/eventlog-stats.ts'
import { whileConnected, type Reader, type Reading } from '../reading.ts'
import { problems, type ApiServer } from '../schemas.ts'
import { parseRange } from '../times.ts'
import type { View } from '../view.ts'
import type { EventCount, StatsQuestion } from './log-reader.ts'
import { checkedFacility, LevelParameter, parseLevels } from './page-question.ts'
import { SCANNED_EVENTS_MAX } from './stats-scan.ts'

const ROWS_MAX = 10_000
const TEXTS = 100
const DAY_NS = 86_400_000_000_000n
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
  { context, events }: Reading,
  parameters: Static<typeof CountParameters>,
  { view, signal }: Reader,
): Promise<Static<typeof CountsSchema>> {
  const by = parseBy(parameters.by)
  const asked = parseAsked(parameters, view, context.clock(), ROWS_MAX + 1)
  const read = { signal, timeoutMs: context.limits.queryTimeoutMsMax }
  const { rows, isApproximate } = await events.eventlog.counts(by, asked.question, read)
  const shown = byLevel(rows.slice(0, ROWS_MAX))
  return { ...asked.shown, rows: shown, truncated: rows.length > ROWS_MAX, approximate: isApproximate }
}

/** Several severities have the same name: they count together. */
function byLevel(rows: readonly EventCount[]): Static<typeof CountsSchema>['rows'] {
  const shown = new Map<string, Static<typeof CountsSchema>['rows'][number]>()
  for (const { events: count, facility, severity, seconds } of rows) {
    const level = severity === undefined ? undefined : levelOf(severity)
    const key = JSON.stringify([String(seconds), facility, level])
    const known = shown.get(key)
    if (known) known.count += count
    else {
      shown.set(key, {
        ...(seconds === undefined ? {} : { time: formatTimestamp(seconds * NS_PER_SECOND) }),
        ...(facility === undefined ? {} : { facility }),
        ...(level === undefined ? {} : { level }),
        count,
      })
    }
  }
  return [...shown.values()]
}

async function texts(
  { context, events }: Reading,
  parameters: Static<typeof TextParameters>,
  { view, signal }: Reader,
): Promise<Static<typeof TextsSchema>> {
  const asked = parseAsked(parameters, view, context.clock(), parameters.limit ?? TEXTS)
  const read = { signal, timeoutMs: context.limits.queryTimeoutMsMax }
  const { rows, isApproximate } = await events.eventlog.texts(asked.question, read)
  const shown = rows.map(({ text, facility, severity, events: count, firstNs, lastNs }) => ({
    event: text,
    facility,
    level: levelOf(severity),
    count,
    first: formatTimestamp(firstNs),
    last: formatTimestamp(lastNs),
  }))
  return { ...asked.shown, events: shown, approximate: isApproximate }
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
  question: StatsQuestion
  shown: { since: string; until: string }
}

function parseAsked(parameters: StatsParameters, visible: View, nowNs: bigint, limit: number): Asked {
  const { since, until, facility, level } = parameters
  const range = parseRange(since, until, nowNs, ['since', 'until'])
  const toNs = range.toNs ?? nowNs
  const fromNs = range.fromNs ?? toNs - DAY_NS
  return {
    shown: { since: formatTimestamp(fromNs), until: formatTimestamp(toNs) },
    question: {
      visible,
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

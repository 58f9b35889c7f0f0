import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import { parseTime } from '../../core/time.ts'
import type { ApiContext } from '../context.ts'
import { whileConnected, type Reader, type Reading } from '../reading.ts'
import { problems, type ApiServer } from '../schemas.ts'
import type { View, VisibleQuery } from '../view.ts'
import { checkedFacility, FilterParameter, LevelParameter, parseFilter, parseLevels } from './page-question.ts'

/** How long a request waits for what was received to be in the store, and for the deletion to end. */
const SETTLE_MS = 5000
const DELETE_MS = 120_000

const DeletionParameters = Type.Object({
  before: Type.String({
    description: 'Events with a timestamp before this: RFC 3339, an epoch number, or a time ago (-7d)',
    examples: ['2026-11-01'],
  }),
  facility: Type.Optional(Type.String({ description: 'Only this facility' })),
  level: Type.Optional(LevelParameter),
  q: Type.Optional(FilterParameter),
  dry_run: Type.Optional(Type.Boolean({ description: 'true: only counts' })),
})
type DeletionParameters = Static<typeof DeletionParameters>

const DeletionSchema = Type.Object(
  {
    deleted: Type.Integer({ description: 'Events; with dry_run, those that would be' }),
    state: Type.String({
      enum: ['counted', 'done', 'running'],
      description: 'running: it takes longer than a request, and goes on by itself, over a restart too',
    }),
    before: Type.String(),
  },
  { title: 'Deletion', examples: [{ deleted: 30412, state: 'done', before: '2026-11-01T00:00:00.000Z' }] },
)

/** `DELETE /api/v1/eventlog`: takes events out of the store for good, whichever door they came by. */
export function registerDeletion(app: ApiServer, reading: Reading): void {
  app.delete(
    '/api/v1/eventlog',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['eventlog'],
        summary: 'Deletes events before their time',
        querystring: DeletionParameters,
        response: { 200: DeletionSchema, 202: DeletionSchema, ...problems(400, 408, 409, 429, 503) },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const answer = await whileConnected(reading, request, reply, (reader) =>
        deleteEvents(reading, request.query, request, reader),
      )
      return reply.code(answer.state === 'running' ? 202 : 200).send(answer)
    },
  )
}

async function deleteEvents(
  { context, events: reader }: Reading,
  parameters: DeletionParameters,
  request: FastifyRequest,
  { view, signal }: Reader,
): Promise<Static<typeof DeletionSchema>> {
  const doomed = parseDeletion(parameters, view, context.clock())
  const settledNs = await settled(context, signal)
  const isDryRun = parameters.dry_run === true
  const { by, keyId } = request.principal
  const before = new Date(Number(doomed.beforeNs / 1_000_000n)).toISOString()
  const asked = { before, ...given({ facility: parameters.facility, level: parameters.level, q: parameters.q }) }
  const { events, state } = await reader.eventlog.delete({
    ...doomed,
    settledNs,
    by: keyId === '' ? by : keyId,
    what: JSON.stringify(asked),
    isDryRun,
    timeoutMs: DELETE_MS,
  })
  if (!isDryRun && events > 0) {
    await context.audit({
      action: 'events.deleted',
      principal: request.principal,
      address: request.ip,
      details: { ...asked, ...given({ filter: view.filter }), count: String(events) },
    })
  }
  return { deleted: events, state, before }
}

interface Doomed {
  beforeNs: bigint
  facility: string | undefined
  severities: readonly number[] | undefined
  query: VisibleQuery
}

function parseDeletion({ before, facility, level, q = '' }: DeletionParameters, view: View, nowNs: bigint): Doomed {
  const beforeNs = parseTime(before, nowNs)
  if (beforeNs === undefined || beforeNs > nowNs) {
    throw new AppError('TIME_INVALID', {
      detail: `before ${beforeNs === undefined ? 'is not a time' : 'lies in the future'}: ${JSON.stringify(before.slice(0, 100))}.`,
      hint: 'Use RFC 3339 (2026-01-05T12:00:00Z), an epoch number, or a time ago (-7d).',
    })
  }
  return {
    beforeNs,
    facility: facility === undefined || facility === '*' ? undefined : checkedFacility(facility),
    severities: parseLevels(level),
    query: parseFilter(q, view, nowNs),
  }
}

/** Up to which received time all events are in the store: later ones are left alone, so that it is clear which go. */
async function settled({ spool, clock }: Pick<ApiContext, 'spool' | 'clock'>, signal: AbortSignal): Promise<bigint> {
  const nowNs = clock()
  const timeout = AbortSignal.timeout(SETTLE_MS)
  try {
    await spool.waitStored(nowNs, AbortSignal.any([signal, timeout]))
    return nowNs
  } catch (error) {
    if (signal.aborted || !timeout.aborted) throw error
    return spool.storedThroughNs
  }
}

function given(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => (entry[1] ?? '') !== ''),
  )
}

import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import { whileConnected, type Reader, type Reading } from '../reading.ts'
import { problems, type ApiServer } from '../schemas.ts'
import { parseRange } from '../times.ts'
import { waitComplete } from './closed.ts'
import { isIncomplete } from './incomplete.ts'
import type { PageRange } from './log-reader.ts'
import { checkedFacility, FacilityParameters, FilterParameters, pageUrl, parseScope } from './page-question.ts'
import { PAGE_NS, pageAt, type PageSize } from './page-time.ts'

/** Pages that one list may be about. */
const PAGES_MAX = 10_000n
/** How far back a list goes that does not say from when. */
const PAGES_BACK: Readonly<Record<PageSize, bigint>> = { minute: 60n, hour: 24n, day: 30n }

const ListingParameters = Type.Object({
  ...FilterParameters.properties,
  since: Type.Optional(
    Type.String({ description: 'From the page of this time on; an hour, a day or 30 days back unless given' }),
  ),
  until: Type.Optional(Type.String({ description: 'Before this time; now unless given' })),
  by: Type.Optional(Type.String({ enum: ['minute', 'hour', 'day'], description: 'Size of the pages; minute' })),
})
type ListingParameters = Static<typeof ListingParameters>

const ListingSchema = Type.Object(
  {
    facility: Type.String(),
    pages: Type.Array(Type.Object({ page: Type.String(), url: Type.String(), count: Type.Integer() }), {
      description: 'Closed pages that hold events, oldest first',
    }),
    incomplete: Type.Optional(
      Type.Boolean({ description: 'true: events were in memory only, and some of them may be gone' }),
    ),
  },
  {
    title: 'Pages',
    examples: [
      {
        facility: 'shop/billing',
        pages: [{ page: '2026-11-21T04:05', url: '/api/v1/eventqry/shop%2Fbilling/2026-11-21T04:05', count: 12 }],
      },
    ],
  },
)

/** `/api/v1/eventqry/{facility}/`: which closed pages hold how much. */
export function registerListing(app: ApiServer, reading: Reading): void {
  // The slash is easily forgotten.
  for (const path of ['/api/v1/eventqry/:facility/', '/api/v1/eventqry/:facility']) registerAt(path, app, reading)
}

function registerAt(path: string, app: ApiServer, reading: Reading): void {
  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        tags: ['eventlog'],
        summary: 'Closed pages of the event log that hold events',
        params: FacilityParameters,
        querystring: ListingParameters,
        response: { 200: ListingSchema, ...problems(400, 408, 413, 425, 429, 503) },
      },
    },
    (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { facility } = request.params
      return whileConnected(reading, request, reply, (reader) =>
        list(reading, facility, request.query, request, reader),
      )
    },
  )
}

async function list(
  reading: Reading,
  facility: string,
  parameters: ListingParameters,
  request: FastifyRequest,
  { view, signal }: Reader,
): Promise<Static<typeof ListingSchema>> {
  const { context, events } = reading
  checkedFacility(facility)
  const size = parameters.by === 'hour' || parameters.by === 'day' ? parameters.by : 'minute'
  const { graceNs } = context.eventlog
  const scope = parseScope(facility, parameters, { view, graceNs, nowNs: context.clock() })
  const range = listedRange(parameters, size, context)
  if (range.fromNs >= range.toNs) return { facility, pages: [] }
  await waitComplete(range.toNs, context, signal)
  const options = { signal, timeoutMs: context.limits.queryTimeoutMsMax, rowsMax: Number(PAGES_MAX) }
  const slots = await events.eventlog.slots(scope, range, PAGE_NS[size], options)
  const pages = slots.map(({ slot, count }) => {
    const { name } = pageAt(slot * PAGE_NS[size], size)
    return { page: name, url: pageUrl(facility, name, request), count }
  })
  return { facility, pages, ...(isIncomplete(reading, request.principal, range.fromNs) && { incomplete: true }) }
}

/** Whole pages that are closed. */
function listedRange(
  { since, until }: ListingParameters,
  size: PageSize,
  { clock, eventlog }: Pick<Reading['context'], 'clock' | 'eventlog'>,
): PageRange {
  const lengthNs = PAGE_NS[size]
  const nowNs = clock()
  const asked = parseRange(since, until, nowNs, ['since', 'until'])
  const overNs = pageAt(nowNs > eventlog.graceNs ? nowNs - eventlog.graceNs : 0n, size).fromNs
  const untilNs = asked.toNs === undefined ? overNs : pageAt(asked.toNs + lengthNs - 1n, size).fromNs
  const toNs = untilNs < overNs ? untilNs : overNs
  const sinceNs = asked.fromNs ?? toNs - PAGES_BACK[size] * lengthNs
  const fromNs = sinceNs <= 0n ? 0n : pageAt(sinceNs, size).fromNs
  if (toNs - fromNs <= PAGES_MAX * lengthNs) return { fromNs, toNs }
  throw new AppError('REQUEST_INVALID', {
    detail: `From since to until there are more than ${PAGES_MAX} pages.`,
    hint: 'Ask for a shorter range, or by=hour or by=day.',
  })
}

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import { formatTimestamp } from '../../core/time.ts'
import { watchReader } from '../disconnect.ts'
import type { Reading } from '../reading.ts'
import { EventSchema, problems, type ApiServer } from '../schemas.ts'
import { streamBody } from '../streamed-body.ts'
import { changedMeanwhile, closedNs, requireOver, waitComplete } from './closed.ts'
import { chooseEncoding, encodeBody, type ContentEncoding } from './content-encoding.ts'
import { INCOMPLETE_HEADER, isIncomplete } from './incomplete.ts'
import type { Nearest, OpenedPage, PageText } from './log-reader.ts'
import {
  checkedFacility,
  FacilityParameters,
  FilterParameters,
  pageOf,
  pageUrl,
  parseScope,
  type PageScope,
} from './page-question.ts'
import { isAny, isNamed, pageTag } from './page-tag.ts'
import { pageAt, type Page } from './page-time.ts'

const PageParameters = Type.Object({
  ...FacilityParameters.properties,
  page: Type.String({
    description: 'A minute, an hour or a day in UTC',
    examples: ['2026-11-21T04:05', '2026-11-21T04', '2026-11-21'],
  }),
})
const PageOptions = Type.Object({
  ...FilterParameters.properties,
  format: Type.Optional(Type.String({ enum: ['json', 'ndjson'], description: 'json unless given' })),
})
type PageOptions = Static<typeof PageOptions>

const PageSchema = Type.Object(
  {
    facility: Type.String(),
    page: Type.String(),
    from: Type.String(),
    to: Type.String(),
    count: Type.Integer(),
    events: Type.Array(EventSchema, {
      description: 'In the order of page time, received time and node. A late event has the attribute `late`',
    }),
  },
  {
    title: 'Page',
    examples: [
      {
        facility: 'shop/billing',
        page: '2026-11-21T04:05',
        from: '2026-11-21T04:05:00.000Z',
        to: '2026-11-21T04:06:00.000Z',
        count: 1,
        events: [
          {
            id: '1879f0d4f3a20000-n1',
            timestamp: '2026-11-21T04:05:06.789Z',
            received: '2026-11-21T04:05:06.801Z',
            severity: 17,
            level: 'error',
            service: 'shop/billing',
            host: 'web-1',
            source: 'eventlog',
            message: 'payment declined',
            trace_id: '',
            span_id: '',
            attributes: { 'eventlog.id': 'qJ3mXw0vT1m3Jc2N8d5K7A', 'user-id': '42' },
          },
        ],
      },
    ],
  },
)

const response = {
  200: {
    description: 'A closed page, which never changes. NDJSON: an event each line.',
    content: { 'application/json': { schema: PageSchema }, 'application/x-ndjson': { schema: Type.String() } },
  },
  304: { description: 'The reader has this page', type: 'null' },
  ...problems(400, 408, 410, 413, 425, 429, 503),
}

const CONTENT_TYPES = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
}
const FOREVER = 'private, max-age=31536000, immutable'
const VARY = 'Accept-Encoding, Authorization, Cookie'

/** `/api/v1/eventqry/{facility}/{page}`: what was logged in a minute, an hour or a day that is over. */
export function registerPages(app: ApiServer, reading: Reading): void {
  // The answers are streams already, which the types that follow from the response schema do not foresee.
  const server = app as unknown as FastifyInstance
  server.get<{ Params: Static<typeof PageParameters>; Querystring: PageOptions }>(
    '/api/v1/eventqry/:facility/:page',
    {
      config: { access: 'read' },
      schema: {
        tags: ['eventlog'],
        summary: 'A closed page of the event log',
        params: PageParameters,
        querystring: PageOptions,
        response,
      },
    },
    (request, reply) => answer(reading, request.params, request.query, request, reply),
  )
}

interface PageRequest {
  facility: string
  page: Page
  scope: PageScope
  format: 'json' | 'ndjson'
  encoding: ContentEncoding
  /** Events in its range were deleted. */
  isThinned: boolean
  /** `undefined`: the answer may change. */
  tag: string | undefined
  /** What the tag would be now: another one once somebody has begun to delete events of the page. */
  tagNow: () => string | undefined
}

async function answer(
  reading: Reading,
  { facility, page: name }: Static<typeof PageParameters>,
  options: PageOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store').header('vary', varyBy(reply))
  const asked = parseRequest(reading, { facility, name, options }, request)
  requireOver(asked.page.toNs, reading.context)
  if (asked.tag !== undefined && isNamed(asked.tag, request.headers['if-none-match'])) {
    return notModified(asked.tag, reply)
  }
  return await answerPage(reading, asked, request, reply)
}

function notModified(tag: string, reply: FastifyReply): FastifyReply {
  return reply.code(304).header('etag', tag).header('cache-control', FOREVER).send()
}

function varyBy(reply: FastifyReply): string {
  const before = reply.getHeader('vary')
  return typeof before === 'string' && before !== '' ? `${before}, ${VARY}` : VARY
}

function parseRequest(
  { context, events, view: viewOf }: Reading,
  { facility, name, options }: { facility: string; name: string; options: PageOptions },
  request: FastifyRequest,
): PageRequest {
  const page = pageOf(name)
  checkedFacility(facility)
  const view = viewOf(request.principal)
  const { graceNs } = context.eventlog
  const scope = parseScope(facility, options, { view, graceNs, nowNs: page.toNs })
  const format = options.format === 'ndjson' ? 'ndjson' : 'json'
  const encoding = chooseEncoding(request.headers['accept-encoding'])
  const { level = '', q = '' } = options
  const identity = { node: context.node, facility, page: page.name, level, q, format, encoding, graceNs }
  const tagOf = ({ ids, isUnderWay }: ReturnType<typeof events.eventlog.touching>): string | undefined => {
    // The filter of a key may count from now, and what it hides must not show: not even that it was deleted.
    const isFixed = view.filter === '' && !isUnderWay && events.eventlog.completeFromNs === undefined
    return isFixed ? pageTag({ ...identity, deletions: ids }) : undefined
  }
  const touched = events.eventlog.touching(page, scope)
  return {
    facility,
    page,
    scope,
    format,
    encoding,
    isThinned: view.filter === '' && touched.ids.length > 0,
    tag: tagOf(touched),
    tagNow: () => tagOf(events.eventlog.touching(page, scope)),
  }
}

/** The place is given back when the last byte is read, or when the reader is gone. */
async function answerPage(
  reading: Reading,
  asked: PageRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { context, events } = reading
  const { page, scope } = asked
  const { signal, ended } = watchReader(request.principal, reply.raw)
  const leaving: (() => void)[] = []
  const leave = (): void => leaving.forEach((giveBack) => giveBack())
  try {
    leaving.push(await reading.streams.enter(signal, request.principal.keyId))
    await waitComplete(page.toNs, context, signal)
    const read = { signal, timeoutMs: context.limits.queryTimeoutMsMax }
    const endNs = pageAt(closedNs(context), page.size).fromNs
    const finding = events.eventlog.nearest(scope, page, endNs, read)
    // Told when it is asked for.
    finding.catch(() => undefined)
    const opened = await events.eventlog.page(scope, page, read)
    leaving.push(() => opened.close())
    if (opened.count === 0 && asked.isThinned) throw deleted(page)
    if (asked.tag !== undefined && isAny(request.headers['if-none-match'])) {
      leave()
      return notModified(asked.tag, reply)
    }
    const body = await pageBody(asked, opened, signal, request)
    try {
      setHeaders(asked, await finding, request, reply)
      if (isIncomplete(reading, request.principal, page.fromNs)) reply.header(INCOMPLETE_HEADER, 'true')
      signal.throwIfAborted()
    } catch (error) {
      body.destroy()
      throw error
    }
    ended.addEventListener('abort', () => reply.raw.destroy(), { once: true })
    body.once('close', leave)
    // Where nothing of it has left yet, the answer is the failure, which is neither compressed nor to be kept.
    body.once('error', () => withdrawHeaders(reply))
    return reply.send(body)
  } catch (error) {
    leave()
    if (ended.aborted) throw new AppError('KEY_REFUSED', { cause: error })
    throw signal.aborted ? new AppError('QUERY_CANCELLED', { cause: error }) : error
  }
}

function deleted({ name }: Page): AppError {
  return new AppError('PAGE_DELETED', { detail: `What was on the page ${name} has been deleted.` })
}

async function pageBody(
  asked: PageRequest,
  opened: OpenedPage,
  signal: AbortSignal,
  request: FastifyRequest,
): Promise<Readable> {
  // Only a reader of the page is worth the store's work.
  if (request.method === 'HEAD') return Readable.from([])
  const lines = pageText(asked, opened)
  const body = await streamBody(lines, (error) => {
    if (!signal.aborted) request.log.warn({ err: error }, 'a page failed on its way')
    // Cut off: whoever keeps pages must not keep half of one.
    return undefined
  })
  return encodeBody(body, asked.encoding)
}

async function* pageText(asked: PageRequest, opened: OpenedPage): AsyncGenerator<PageText> {
  yield* asked.format === 'ndjson' ? pageLines(opened) : pageObject(asked, opened)
  // Whoever keeps pages must not keep one of which only the beginning is what it was.
  if (asked.tag !== undefined && asked.tagNow() !== asked.tag) {
    throw changedMeanwhile()
  }
}

async function* pageLines({ count, texts }: OpenedPage): AsyncGenerator<PageText> {
  yield* texts('\n')
  if (count > 0) yield '\n'
}

async function* pageObject({ facility, page }: PageRequest, { count, texts }: OpenedPage): AsyncGenerator<PageText> {
  const head = { facility, page: page.name, from: formatTimestamp(page.fromNs), to: formatTimestamp(page.toNs), count }
  yield `${JSON.stringify(head).slice(0, -1)},"events":[\n`
  yield* texts(',\n')
  yield count > 0 ? '\n]}\n' : ']}\n'
}

function withdrawHeaders(reply: FastifyReply): void {
  if (reply.raw.headersSent) return
  for (const name of ['content-encoding', 'etag', 'link']) {
    reply.removeHeader(name)
    // Fastify has handed them on when the body began.
    reply.raw.removeHeader(name)
  }
  reply.header('cache-control', 'no-store')
}

function setHeaders(
  { facility, page, format, encoding, tag }: PageRequest,
  { prevNs, nextNs }: Nearest,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const link = (ns: bigint | undefined, rel: string): string[] =>
    ns === undefined ? [] : [`<${pageUrl(facility, pageAt(ns, page.size).name, request)}>; rel="${rel}"`]
  const links = [...link(prevNs, 'prev'), ...link(nextNs, 'next')]
  reply.type(CONTENT_TYPES[format])
  if (links.length > 0) reply.header('link', links.join(', '))
  if (encoding !== 'identity') reply.header('content-encoding', encoding)
  if (tag === undefined) reply.header('cache-control', 'private, no-store')
  else reply.header('etag', tag).header('cache-control', FOREVER)
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import Type from 'typebox'
import { AppError } from '../../core/errors.ts'
import { streamNameProblem } from '../../streams/stream-name.ts'
import type { Stream } from '../../streams/stream.ts'
import { dropCounter } from './answer.ts'
import { isOwner, isVisible } from './fields.ts'
import { Indexer } from './indexer.ts'
import { listStreams } from './listing.ts'
import { putStream, type PutState } from './put.ts'
import { answerReader, type Reader, type ReaderState } from './reading.ts'
import {
  GetQuery,
  ListQuery,
  ListSchema,
  NameParameters,
  problems,
  PutAnswer,
  PutQuery,
  ShareAnswer,
  SharedQuery,
  TAGS,
  textResponse,
} from './schemas.ts'
import type { LivestreamContext, LivestreamSettings } from './settings.ts'
import { addShareList } from './share-routes.ts'
import { ShareEnds, shareStream, SHARE_DAYS_DEFAULT, sharedStream } from './shares.ts'
import { listPage, PAGE_HEADERS, registerAssets, wantsPage } from './page.ts'

export const NAME = 'livestream'
const SHARE_SUFFIX = '/share'
const SHARE_BODY_BYTES_MAX = 4096

type Server = ReturnType<typeof typed>

function typed(scope: FastifyInstance) {
  return scope.withTypeProvider<TypeBoxTypeProvider>()
}

interface RoutesState extends PutState {
  settings: LivestreamSettings
  readers: ReaderState
  /** Of links. */
  ends: ShareEnds
}

/** Adds the routes under `/streams/` and `/shared/`. Returns what has to be closed after the server. */
export function attachStreams(
  app: FastifyInstance,
  context: LivestreamContext,
  settings: LivestreamSettings,
): { indexer: Indexer; close(): Promise<void> } {
  const { catalog, counters } = context
  const indexer = new Indexer({ name: NAME, catalog, context })
  const readers: ReaderState = { catalog, onDropped: dropCounter(counters), limits: settings }
  const state: RoutesState = {
    context,
    indexer,
    isIndexed: settings.isIndexed,
    settings,
    readers,
    ends: new ShareEnds(),
  }
  // Readers and writers without end would keep the server from closing.
  app.addHook('preClose', () => catalog.close())
  app.addHook('onListen', (done) => {
    indexer.start()
    done()
  })
  void app.register((scope, _options, done) => {
    const server = typed(scope)
    server.removeAllContentTypeParsers()
    server.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload))
    leadToLogin(server)
    addList(server, state)
    addPut(server, state)
    addGet(server, state)
    addShared(server, state)
    addDelete(server, state)
    addShare(server, state)
    addShareList(scope, state)
    registerAssets(server)
    done()
  })
  return {
    indexer,
    async close() {
      await indexer.close()
      await catalog.close()
    },
  }
}

/** A browser that has yet to log in is led to the page where that is done. */
function leadToLogin(server: Server): void {
  server.addHook('onSend', async (request, reply, payload) => {
    const isStranger = reply.statusCode === 401 && request.headers.authorization === undefined
    if (!isStranger || request.method !== 'GET' || !wantsPage(request)) return payload
    reply.removeHeader('content-type').removeHeader('www-authenticate')
    reply.code(303).header('location', '/')
    return ''
  })
}

function checkedName(name: string): string {
  const problem = streamNameProblem(name)
  if (problem === undefined) return name
  throw new AppError('REQUEST_INVALID', { detail: problem, hint: 'A name is a path such as ci/build-42.' })
}

/** What may not be seen is not there. */
function visibleStream({ principal }: FastifyRequest, name: string, { context }: RoutesState): Stream {
  const stream = context.catalog.get(checkedName(name))
  if (stream && isVisible(context, principal, stream)) return stream
  throw new AppError('STREAM_NOT_FOUND', { detail: `There is no stream ${name}.` })
}

/** The stream that a key may write to; to others it is not there. */
function ownStream({ principal }: FastifyRequest, name: string, { context }: RoutesState): Stream {
  const stream = context.catalog.get(checkedName(name))
  if (stream && isOwner(principal, stream)) return stream
  throw new AppError('STREAM_NOT_FOUND', { detail: `There is no stream ${name} of this key.` })
}

function addList(server: Server, state: RoutesState): void {
  const { context } = state
  const options = {
    config: { access: 'read' as const },
    schema: {
      tags: TAGS,
      summary: 'The streams there are',
      querystring: ListQuery,
      response: { 200: ListSchema, ...problems(400) },
    },
  }
  const list = (request: FastifyRequest, reply: FastifyReply, query: Static<typeof ListQuery>): FastifyReply => {
    const visible = [...context.catalog.all()].filter((stream) => isVisible(context, request.principal, stream))
    const found = listStreams(visible, query)
    reply.headers({ 'cache-control': 'no-store', vary: 'accept' })
    if (!wantsPage(request)) return reply.send(found)
    return reply
      .headers(PAGE_HEADERS)
      .type('text/html; charset=utf-8')
      .serializer(String)
      .send(listPage(found, query.prefix))
  }
  server.get('/streams/', options, async (request, reply) => {
    await list(request, reply, request.query)
  })
  const hidden = { ...options, schema: { ...options.schema, hide: true } }
  server.get('/streams', hidden, async (request, reply) => {
    await list(request, reply, request.query)
  })
}

function addPut(server: Server, state: RoutesState): void {
  server.put(
    '/streams/*',
    {
      config: { access: 'write', bodyIdleMs: state.settings.writerIdleMs },
      schema: {
        tags: TAGS,
        summary: 'Writes a stream while others read it; answers when all of it is on disk',
        description:
          'The body is the stream, as long as it takes. When it is cut off the same key may go on: `Content-Range: bytes ' +
          '*/*` asks how far it has come (`Upload-Offset`), `Content-Range: bytes 100-*/*` sends the rest.',
        params: NameParameters,
        querystring: PutQuery,
        response: { 201: PutAnswer, 202: PutAnswer, ...problems(400, 403, 404, 409, 416, 429, 503, 507) },
      },
    },
    (request, reply) => putStream(request, reply, checkedName(request.params['*']), request.query, state),
  )
}

function addGet(server: Server, state: RoutesState): void {
  server.get(
    '/streams/*',
    {
      config: { access: 'read' },
      schema: {
        tags: TAGS,
        summary: 'The bytes of a stream, from the first to the last that will come',
        description: 'Takes Range also while the stream grows: an open range follows it. For a browser a page.',
        params: NameParameters,
        querystring: GetQuery,
        response: {
          200: textResponse('The bytes', 'text/plain', 'text/event-stream', 'text/html'),
          206: textResponse('Some of them', 'text/plain'),
          ...problems(400, 404, 416, 429),
        },
      },
    },
    async (request, reply) => {
      const stream = visibleStream(request, request.params['*'], state)
      const ended = new AbortController()
      const forget = request.principal.onEnded(() => ended.abort())
      await give(reply, { stream, signal: ended.signal, forget, query: request.query }, state)
    },
  )
}

function addShared(server: Server, state: RoutesState): void {
  server.get(
    '/shared/*',
    {
      config: { access: 'public' },
      schema: {
        tags: TAGS,
        summary: 'A stream that somebody has made a link to',
        description: 'As `/streams/…`, without a key.',
        params: NameParameters,
        querystring: SharedQuery,
        response: {
          200: textResponse('The bytes', 'text/plain', 'text/event-stream', 'text/html'),
          ...problems(404, 416),
        },
      },
    },
    async (request, reply) => {
      const shared = sharedStream(request.params['*'], request.query.token, state.context, state.ends)
      await give(reply, { ...shared, query: request.query }, state)
    },
  )
}

async function give(
  reply: FastifyReply,
  { forget, ...reader }: Reader & { forget: () => void },
  { readers }: RoutesState,
): Promise<void> {
  reply.raw.once('close', forget)
  try {
    await answerReader(reply, reader, readers)
  } catch (error) {
    forget()
    throw error
  }
}

function addDelete(server: Server, state: RoutesState): void {
  server.delete(
    '/streams/*',
    {
      config: { access: 'write' },
      schema: {
        tags: TAGS,
        summary: 'Removes a stream that this key has written',
        description:
          'Cuts off its writer and its readers. Events that its lines became stay. An admin key removes any.',
        params: NameParameters,
        response: { 204: Type.Null(), ...problems(404) },
      },
    },
    async (request, reply) => {
      const { principal, ip: address } = request
      const stream = ownStream(request, request.params['*'], state)
      await state.context.catalog.remove(stream)
      await state.context.audit({
        action: 'stream.deleted',
        principal,
        address,
        details: { 'stream.name': stream.name },
      })
      return reply.code(204).send(null)
    },
  )
}

function addShare(server: Server, state: RoutesState): void {
  server.post(
    '/streams/*',
    {
      config: { access: 'any' },
      schema: {
        tags: TAGS,
        summary: 'Makes a link that shows a stream without a key: POST /streams/{name}/share',
        description:
          'The body, JSON, may say how long: `{"expires":"7d"}`. For who may read the stream or has written it. The link ' +
          'ends with its time, and with the key that made it.',
        params: NameParameters,
        response: { 201: ShareAnswer, ...problems(400, 404, 409) },
      },
    },
    async (request, reply) => {
      const { principal, ip: address, protocol, host } = request
      const path = request.params['*']
      if (!path.endsWith(SHARE_SUFFIX)) {
        throw new AppError('NOT_FOUND', { detail: 'Links are made at /streams/{name}/share.' })
      }
      const name = path.slice(0, -SHARE_SUFFIX.length)
      const stream = principal.role === 'read' ? visibleStream(request, name, state) : ownStream(request, name, state)
      const life = await wantedLife(request)
      const { context, settings } = state
      const {
        id,
        path: link,
        expires,
      } = await shareStream(stream, principal, life, {
        context,
        shareMsMax: settings.shareMsMax,
      })
      const details = { 'stream.name': name, 'share.id': id, 'share.expires': expires }
      await context.audit({ action: 'stream.shared', principal, address, details })
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ id, url: `${protocol}://${host}${link}`, expires })
    },
  )
}

async function wantedLife({ bodyReader }: FastifyRequest): Promise<string> {
  let text = ''
  for await (const chunk of (bodyReader ?? []) as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1')
    if (text.length > SHARE_BODY_BYTES_MAX) throw new AppError('BODY_TOO_LARGE')
  }
  if (text.trim() === '') return SHARE_DAYS_DEFAULT
  let wish: unknown
  try {
    wish = JSON.parse(text)
  } catch (cause) {
    throw new AppError('REQUEST_INVALID', { cause, detail: 'The body is not valid JSON.' })
  }
  if (typeof wish !== 'object' || wish === null || Array.isArray(wish)) {
    throw new AppError('REQUEST_INVALID', { detail: 'The body is an object such as {"expires":"7d"}.' })
  }
  const { expires = SHARE_DAYS_DEFAULT } = wish as { expires?: unknown }
  if (typeof expires === 'string') return expires
  throw new AppError('REQUEST_INVALID', { detail: 'expires is a duration such as "7d".' })
}

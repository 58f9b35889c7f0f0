import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { AppError } from '../../core/errors.ts'
import type { ReadOptions } from '../../store/store.ts'
import type { StoredEvent } from '../event-reader.ts'
import { whileConnected, type Reader, type Reading } from '../reading.ts'
import { problems, type ApiServer } from '../schemas.ts'

/** Names that one list has at most. */
const NAMES_MAX = 10_000
const NS_PER_SECOND = 1_000_000_000n

const HostParameters = Type.Object({ host: Type.String({ description: 'Name of the host' }) })

const LinesParameters = Type.Object({
  filter: Type.Optional(Type.String({ description: 'Only lines that contain this text; upper and lower case differ' })),
  count: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Most lines to answer with; as many as the server allows unless given' }),
  ),
  file: Type.Optional(Type.String({ description: 'Only lines of this file' })),
})
type LinesParameters = Static<typeof LinesParameters>

const HostsSchema = Type.Object(
  { data: Type.Array(Type.Object({ host: Type.String(), url: Type.String() })) },
  { title: 'Hosts', examples: [{ data: [{ host: 'web-1', url: 'http://127.0.0.1:7575/hosts/web-1/' }] }] },
)

const FilesSchema = Type.Object(
  { data: Type.Array(Type.Object({ filename: Type.String(), host: Type.String(), url: Type.String() })) },
  {
    title: 'HostFiles',
    examples: [
      {
        data: [
          {
            filename: '/var/log/syslog',
            host: 'web-1',
            url: 'http://127.0.0.1:7575/hosts/web-1/logs?file=%2Fvar%2Flog%2Fsyslog',
          },
        ],
      },
    ],
  },
)

const LinesSchema = Type.Object(
  {
    data: Type.Array(
      Type.Object({
        filename: Type.String(),
        last_modified: Type.String({ description: 'When the line was written: seconds since 1970, with a fraction' }),
        logline: Type.String(),
        host: Type.String(),
      }),
    ),
  },
  {
    title: 'HostLines',
    examples: [
      {
        data: [
          {
            filename: '/var/log/syslog',
            last_modified: '1639596366.621498',
            logline: 'systemd[1]: Started Daily Cleanup.',
            host: 'web-1',
          },
        ],
      },
    ],
  },
)

const tags = ['hosts']
const config = { access: 'read' } as const

/** `/hosts/`: which hosts there are, which files they have, and what is in them. */
export function registerHosts(app: ApiServer, reading: Reading): void {
  registerSlashes(app)
  app.get(
    '/hosts/',
    {
      config,
      schema: {
        tags,
        summary: 'Hosts that events came from',
        description: `In order of their names, ${NAMES_MAX} at most.`,
        response: { 200: HostsSchema, ...problems(400, 408, 429, 503) },
      },
    },
    (request, reply) => answer(reading, request, reply, (reader, read) => hosts(reading, request, reader, read)),
  )
  for (const url of ['/hosts/:host/', '/hosts/:host/files/']) {
    app.get<{ Params: Static<typeof HostParameters> }>(
      url,
      {
        config,
        schema: {
          tags,
          summary: 'Files of a host',
          description: `In order of their names, ${NAMES_MAX} at most.`,
          params: HostParameters,
          response: { 200: FilesSchema, ...problems(400, 404, 408, 429, 503) },
        },
      },
      (request, reply) =>
        answer(reading, request, reply, (reader, read) => files(reading, request.params.host, request, reader, read)),
    )
  }
  app.get(
    '/hosts/:host/logs',
    {
      config,
      schema: {
        tags,
        summary: 'Lines of a host, newest first',
        params: HostParameters,
        querystring: LinesParameters,
        response: { 200: LinesSchema, ...problems(400, 404, 408, 413, 429, 503) },
      },
    },
    (request, reply) =>
      answer(reading, request, reply, (reader, read) =>
        lines(reading, request.params.host, request.query, reader, read),
      ),
  )
}

/** Addresses with a slash too few lead to those with it. */
function registerSlashes(app: ApiServer): void {
  for (const url of ['/hosts', '/hosts/:host', '/hosts/:host/files']) {
    app.get(url, { config: { access: 'public' }, schema: { hide: true } }, (request, reply) => {
      const [path = ''] = request.url.split('?', 1)
      return reply.redirect(`${path}/`, 308)
    })
  }
}

function answer<T>(
  reading: Reading,
  request: FastifyRequest,
  reply: FastifyReply,
  read: (reader: Reader, options: ReadOptions) => Promise<T>,
): Promise<T> {
  reply.header('cache-control', 'no-store')
  const { queryTimeoutMsMax: timeoutMs } = reading.context.limits
  return whileConnected(reading, request, reply, (reader) => read(reader, { signal: reader.signal, timeoutMs }))
}

async function hosts(
  { events }: Reading,
  request: FastifyRequest,
  { view }: Reader,
  read: ReadOptions,
): Promise<Static<typeof HostsSchema>> {
  const names = await events.hosts.hosts(view, NAMES_MAX, { ...read, rowsMax: NAMES_MAX })
  return { data: names.map((host) => ({ host, url: hostUrl(request, host) })) }
}

async function files(
  { events }: Reading,
  host: string,
  request: FastifyRequest,
  { view }: Reader,
  read: ReadOptions,
): Promise<Static<typeof FilesSchema>> {
  const names = await events.hosts.files(host, view, NAMES_MAX, { ...read, rowsMax: NAMES_MAX })
  if (names.length === 0 && !(await events.hosts.isKnown(host, view, read))) throw unknownHost()
  const url = hostUrl(request, host)
  return { data: names.map((name) => ({ filename: name, host, url: `${url}logs?file=${encodeURIComponent(name)}` })) }
}

async function lines(
  { context, events }: Reading,
  host: string,
  { filter: text = '', count, file }: LinesParameters,
  { view }: Reader,
  read: ReadOptions,
): Promise<Static<typeof LinesSchema>> {
  const { jsonEventsMax } = context.limits
  if (count !== undefined && count > jsonEventsMax) {
    throw new AppError('REQUEST_INVALID', {
      detail: `count may be ${jsonEventsMax} at most.`,
      hint: 'Ask GET /api/v1/query with format=ndjson for more.',
    })
  }
  const question = { visible: view, host, file: file === '' ? undefined : file, text, limit: count ?? jsonEventsMax }
  const found = await events.hosts.lines(question, { ...read, rowsMax: jsonEventsMax })
  if (found.length === 0 && !(await events.hosts.isKnown(host, view, read))) throw unknownHost()
  return { data: found.map(lineOf) }
}

function lineOf({ source, timestampNs, message, host }: StoredEvent): Static<typeof LinesSchema>['data'][number] {
  return { filename: source, last_modified: epochSeconds(timestampNs), logline: message, host }
}

/** `1639596366.621498`, without zeros at its end. */
function epochSeconds(ns: bigint): string {
  const magnitude = ns < 0n ? -ns : ns
  const fraction = (magnitude % NS_PER_SECOND).toString().padStart(9, '0').replace(/0+$/, '')
  return `${ns < 0n ? '-' : ''}${magnitude / NS_PER_SECOND}${fraction === '' ? '' : `.${fraction}`}`
}

/** As whoever asks has reached this server. */
function hostUrl({ protocol, host: own }: Pick<FastifyRequest, 'protocol' | 'host'>, host: string): string {
  return `${protocol}://${own}/hosts/${encodeURIComponent(host)}/`
}

/** Says no name: one that is hidden is answered as one that never was. */
function unknownHost(): AppError {
  return new AppError('HOST_NOT_FOUND', { detail: 'No event that you may see came from this host.' })
}

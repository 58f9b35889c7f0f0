/**
 * client: what an application needs to talk to a Tailrace server. It must never know how the server is built; it
 * imports only `core` and `wire` and runs where the server is not installed. Start here: `createHttpClient` speaks the
 * HTTP API; `tail.ts` is the live tail with its reconnects, `connection.ts` one request, `failures.ts` what can go wrong.
 */
import type { IncomingMessage } from 'node:http'
import type {
  DeletionAnswer,
  ExplainAnswer,
  IngestAnswer,
  QueryAnswer,
  ReadyAnswer,
  StatusAnswer,
  WhoAnswer,
} from './answers.ts'
import { openConnection, type Body, type ConnectionOptions } from './connection.ts'
import type { CreatedKeyJson, KeyJson, NewKeyJson } from './keys.ts'
import { tailEvents, type TailItem, type TailOptions } from './tail.ts'

export interface IngestOptions {
  /** `application/x-ndjson` unless given; `text/plain` is one event a line. */
  contentType?: string
  /** These apply to every event of the body. */
  service?: string | undefined
  host?: string | undefined
  source?: string | undefined
  level?: string | undefined
  signal?: AbortSignal | undefined
}

export interface QueryOptions {
  query?: string | undefined
  /** RFC 3339, epoch or relative such as `-15m`, as the server understands them. */
  start?: string | undefined
  end?: string | undefined
  limit?: number | undefined
  cursor?: string | undefined
  order?: 'asc' | 'desc' | undefined
  signal?: AbortSignal | undefined
}

/** Every call rejects with `ServerProblem` (the server said no) or `ServerAway` (it did not answer). */
export interface HttpClient {
  readonly url: string
  /** Resolves when the accepted events are durable. Rejected lines are in the answer, unless all were rejected. */
  ingest(body: Body, options?: IngestOptions): Promise<IngestAnswer>
  /** One page. `cursor` in the answer leads to the next. */
  query(options: QueryOptions): Promise<QueryAnswer>
  /** The answer as the server streams it, however large. */
  queryStream(format: 'ndjson' | 'csv', options: QueryOptions): Promise<IncomingMessage>
  tail(options?: TailOptions): AsyncGenerator<TailItem, void>
  /** Resolves when the server lives. */
  health(signal?: AbortSignal): Promise<unknown>
  explain(query: string, signal?: AbortSignal): Promise<ExplainAnswer>
  status(signal?: AbortSignal): Promise<StatusAnswer>
  ready(signal?: AbortSignal): Promise<ReadyAnswer>
  /** As whom the server knows this client. */
  who(signal?: AbortSignal): Promise<WhoAnswer>
  /** Names of fields and attributes, the most frequent first; an estimate where there are very many events. */
  fieldNames(limit: number, signal?: AbortSignal): Promise<readonly string[]>
  /** Oldest first, revoked and expired ones included. Takes an admin key, like what follows. */
  listKeys(signal?: AbortSignal): Promise<readonly KeyJson[]>
  /** Resolves when the new key can be used. */
  createKey(key: NewKeyJson, signal?: AbortSignal): Promise<CreatedKeyJson>
  /** Ends a key and everything that is open with it. */
  revokeKey(id: string, signal?: AbortSignal): Promise<KeyJson>
  /** Counts, or deletes for good, the events that a filter selects. Takes an admin key. */
  deleteEvents(deletion: { q: string; before: string; isDryRun: boolean }): Promise<DeletionAnswer>
  /** Ends the connections; open calls reject. */
  close(): void
}

/** Longer than the server counts and deletes before it answers. */
const DELETION_MS_MAX = 600_000

export function createHttpClient(options: ConnectionOptions): HttpClient {
  const connection = openConnection(options)
  return {
    url: connection.url,
    ingest(body, { contentType = 'application/x-ndjson', signal, ...parameters } = {}) {
      return connection.json('/api/v1/ingest', {
        method: 'POST',
        headers: { 'content-type': contentType },
        parameters,
        body,
        signal,
      })
    },
    query: ({ signal, ...query }) => connection.json('/api/v1/query', { ...asJson(query), signal }),
    queryStream: (format, { signal, ...query }) =>
      connection.open('/api/v1/query', { ...asJson({ ...query, format }), signal }),
    tail: (tail = {}) => tailEvents(connection, tail),
    health: (signal) => connection.json('/healthz', { signal }),
    explain: (query, signal) => connection.json('/api/v1/query/explain', { ...asJson({ query }), signal }),
    status: (signal) => connection.json('/api/v1/status', { signal }),
    ready: (signal) => connection.json('/readyz', { acceptedStatuses: [503], signal }),
    who: (signal) => connection.json('/api/v1/session', { signal }),
    async fieldNames(limit, signal) {
      const parameters = { limit: String(limit) }
      const { fields } = await connection.json<{ fields: { name: string }[] }>('/api/v1/fields', { parameters, signal })
      return fields.map(({ name }) => name)
    },
    async listKeys(signal) {
      const { keys } = await connection.json<{ keys: readonly KeyJson[] }>('/api/v1/keys', { signal })
      return keys
    },
    createKey({ expiresInMs, ...key }, signal) {
      const life = expiresInMs === undefined ? {} : { expires: expiresInMs }
      return connection.json('/api/v1/keys', { ...asJson({ ...key, ...life }), signal })
    },
    revokeKey: (id, signal) => connection.json(`/api/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE', signal }),
    deleteEvents: ({ q, before, isDryRun }) =>
      connection.json('/api/v1/eventlog', {
        method: 'DELETE',
        parameters: { q, before, dry_run: isDryRun ? 'true' : undefined },
        silenceMsMax: DELETION_MS_MAX,
      }),
    close: () => connection.close(),
  }
}

/** Query texts may be 64 KiB, more than a request line holds, so they travel in a body. */
function asJson(value: unknown) {
  return {
    method: 'POST' as const,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(value)),
  }
}

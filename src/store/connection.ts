/**
 * All talk with ClickHouse, embedded or remote, goes through one `Connection`: HTTP by @clickhouse/client, once as the
 * owner and once as the reader. It knows nothing of tables. Every error is an `AppError`.
 */
import { ClickHouseError, ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client'
import type { Readable } from 'node:stream'
import type { Statement, StatementParameter } from '../core/statement.ts'
import { failure, type Purpose } from './failure.ts'

export interface ConnectionTarget {
  /** Origin and path, without user and database. */
  url: string
  database: string
  headers?: Readonly<Record<string, string>>
  owner: { username: string; password: string }
  reader: { username: string; password: string }
}

export type Settings = Readonly<Record<string, string | number>>

/** Requests that may be open at once; further ones wait in the client. */
const OWNER_SOCKETS = 8
const READER_SOCKETS = 64
/** Longer than any limit that the engine itself enforces; guards against an engine that has stopped answering. */
const REQUEST_TIMEOUT_MS = 600_000

export class Connection {
  readonly #owner: ClickHouseClient
  readonly #reader: ClickHouseClient

  constructor(target: ConnectionTarget) {
    const client = (user: { username: string; password: string }, sockets: number): ClickHouseClient =>
      createClient({
        url: target.url,
        username: user.username,
        password: user.password,
        database: target.database,
        http_headers: { ...target.headers },
        max_open_connections: sockets,
        request_timeout: REQUEST_TIMEOUT_MS,
        keep_alive: { enabled: true, idle_socket_ttl: 2000 },
        application: 'tailrace',
        log: { level: ClickHouseLogLevel.OFF },
      })
    this.#owner = client(target.owner, OWNER_SOCKETS)
    this.#reader = client(target.reader, READER_SOCKETS)
  }

  /** Runs a statement as the owner and waits for its end. */
  async command(statement: Statement | string, settings: Settings = {}, purpose: Purpose = 'own'): Promise<void> {
    const { sql, params } = typeof statement === 'string' ? { sql: statement, params: {} } : statement
    try {
      await this.#owner.command({
        query: sql,
        query_params: queryParams(params),
        // Without this an error after the first bytes of the answer would look like success.
        clickhouse_settings: { ...settings, wait_end_of_query: 1 },
      })
    } catch (error) {
      throw failure(error, purpose)
    }
  }

  /** The same with a body of data after the statement. */
  async send(statement: Statement, body: Readable, settings: Settings, purpose: Purpose): Promise<void> {
    try {
      const result = await this.#owner.exec({
        query: statement.sql,
        query_params: queryParams(statement.params),
        values: body,
        clickhouse_settings: { ...settings, wait_end_of_query: 1 },
      })
      for await (const chunk of result.stream) void chunk
    } catch (error) {
      throw failure(error, purpose)
    } finally {
      body.destroy()
    }
  }

  /** Rows of a small answer as objects; 64-bit integers as strings. For the store's own questions. */
  async rows<T>(statement: Statement | string): Promise<T[]> {
    const { sql, params } = typeof statement === 'string' ? { sql: statement, params: {} } : statement
    try {
      const result = await this.#owner.query({
        query: sql,
        query_params: queryParams(params),
        format: 'JSONEachRow',
        clickhouse_settings: { output_format_json_quote_64bit_integers: 1, wait_end_of_query: 1 },
      })
      return await result.json<T>()
    } catch (error) {
      throw failure(error, 'own')
    }
  }

  /** Opens the answer of a SELECT as the reader. Destroying the stream cancels the query in the engine. */
  async open(statement: Statement, format: string, settings: Settings, signal?: AbortSignal): Promise<Readable> {
    try {
      const result = await this.#reader.exec({
        query: `${statement.sql}\nFORMAT ${format}`,
        query_params: queryParams(statement.params),
        clickhouse_settings: { ...settings },
        ...(signal === undefined ? {} : { abort_signal: signal }),
      })
      return result.stream
    } catch (error) {
      throw failure(error, 'read')
    }
  }

  /** Whether somebody is there, as the reader, who finds a place also while loads take all of the owner's. Never rejects. */
  async ping(): Promise<boolean> {
    const answer = await this.#reader.ping({ select: true })
    // A refusal is an answer.
    return answer.success || answer.error instanceof ClickHouseError
  }

  async close(): Promise<void> {
    await Promise.all([this.#owner.close(), this.#reader.close()])
  }
}

function queryParams(params: Readonly<Record<string, StatementParameter>>): Record<string, unknown> {
  return { ...params }
}

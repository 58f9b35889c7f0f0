/** For tests: the API behind the real room of access, over a new data folder, with the audit trail in an array. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAccess } from '../../access/open.ts'
import type { Access, NewKey } from '../../access/access.ts'
import type { AuditRecord } from '../../core/audit.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { checkFilter } from '../../query/query.ts'
import type { ApiContext } from '../context.ts'
import { openApi, quietContext, type QuietChanges } from './open-api.ts'

export interface KeyedApi {
  url: string
  access: Access
  audited: AuditRecord[]
  context: ApiContext
  /** Makes a key and returns its text. */
  key(key: NewKey): Promise<string>
  ask(method: string, path: string, options?: AskOptions): Promise<KeyedAnswer>
  close(): Promise<void>
}

export interface AskOptions {
  key?: string
  /** Sent as JSON. */
  body?: unknown
  headers?: Record<string, string>
  /** Sent as a form. */
  form?: Record<string, string>
}

export interface KeyedAnswer {
  status: number
  headers: Headers
  text: string
  json(): unknown
}

export async function openKeyedApi(changes: QuietChanges = {}): Promise<KeyedApi> {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-keyed-'))
  const audited: AuditRecord[] = []
  const counters = changes.counters ?? quietContext().counters
  const access = await openAccess({
    dir,
    clock: Date.now,
    counters,
    logger: SILENT_LOGGER,
    checkFilter: (filter) => checkFilter(filter, 0n),
  })
  const context = quietContext({
    access,
    counters,
    audit: (record) => {
      audited.push(record)
      return Promise.resolve()
    },
    ...changes,
  })
  const server = await openApi(context, { access, trustedProxies: ['127.0.0.1'] })
  return {
    url: server.url,
    access,
    audited,
    context,
    key: async (key) => (await access.keys.create(key, 'test')).key,
    async ask(method, path, { key, body, form, headers = {} } = {}) {
      const response = await fetch(server.url + path, {
        method,
        redirect: 'manual',
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as unknown }
    },
    async close() {
      await server.close()
      await access.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

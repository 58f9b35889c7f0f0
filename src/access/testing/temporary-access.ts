import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Counters } from '../../core/counters.ts'
import { AppError, problemDocument, type Problem } from '../../core/errors.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { parseKey, signedRequestHeaders } from '../../core/signing.ts'
import type { Access, AccessOptions, NewKey, RequestHead } from '../access.ts'
import { openAccess } from '../open.ts'

export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tailrace-access-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export interface TestAccess {
  access: Access
  dir: string
  counters: Counters
  /** Text of a new key. */
  key(key: NewKey): Promise<string>
}

/** Access in a folder of its own unless `dir` is given; closed when the test ends. */
export async function testAccess(options: Partial<AccessOptions> = {}): Promise<TestAccess> {
  const dir = options.dir ?? (await temporaryFolder())
  const counters = new Counters()
  const access = await openAccess({
    clock: Date.now,
    logger: SILENT_LOGGER,
    checkFilter: (filter) => (filter.includes('|') ? 'a filter has no pipes' : undefined),
    ...options,
    dir,
    counters,
  })
  onTestFinished(() => access.close())
  return { access, dir, counters, key: async (key) => (await access.keys.create(key, 'test')).key }
}

/** A request as node:http would tell of it: the first of two equal headers counts. */
export function head(
  headers: Record<string, string> | readonly (readonly [string, string])[] = {},
  rest: Partial<RequestHead> = {},
): RequestHead {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers)
  const plain: Record<string, string> = {}
  for (const [name, value] of pairs) plain[name.toLowerCase()] ??= value
  return { method: 'GET', url: '/', address: '127.0.0.1', headers: plain, rawHeaders: pairs.flat(), ...rest }
}

export function bearer(key: string, rest: Partial<RequestHead> = {}): RequestHead {
  return head({ authorization: `Bearer ${key}` }, rest)
}

export function cookie(session: string, headers: Record<string, string> = {}, rest: Partial<RequestHead> = {}) {
  return head({ host: 'logs.example', cookie: `theme=dark; tailrace_session=${session}`, ...headers }, rest)
}

export function signed(key: string, nowMs: number, rest: Partial<RequestHead> & { body?: string } = {}): RequestHead {
  const { body = '{"message":"hi"}', method = 'POST', url = '/api/v1/ingest?service=a%20b', ...others } = rest
  const parts = parseKey(key)
  if (!parts) throw new Error('not a key')
  return head(signedRequestHeaders(parts, { method, target: url, body, nowMs }), { method, url, ...others })
}

/** The problem document that the sender would get; fails when nothing is thrown, or no AppError. */
export function refusal(run: () => unknown): Problem {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError) return problemDocument(error)
    throw error
  }
  throw new Error('nothing was refused')
}

/** Pages of any size take bounded memory, here and in the engine. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseTimestamp } from '../../core/time.ts'
import {
  loadBatch,
  openTemporaryStore,
  stampedBatch,
  type TemporaryStore,
} from '../../store/testing/temporary-store.ts'
import { openApi, quietContext, type OpenApiServer } from '../testing/open-api.ts'

const at = (text: string): bigint => parseTimestamp(text) ?? 0n
const EVENTS = 120_000
const FAT_EVENTS = 200
const FAT_CHARS = 100_000

let temporary: TemporaryStore
let server: OpenApiServer
/** The same routes on a socket whose buffers are small: those of TCP grow with the answer, in some kernels without end. */
let narrow: Server
let folder: string
/** Statements that brought events. */
let pieces = 0

beforeAll(async () => {
  temporary = await openTemporaryStore({
    retention: { ageMs: 0 },
    limits: { resultBytesMax: 8 * 2 ** 20, memoryBytesMax: 512 * 2 ** 20 },
  })
  const start = at('2026-11-20T10:00:00Z')
  const step = 3_600_000_000_000n / BigInt(EVENTS)
  const many = Array.from({ length: EVENTS }, (_, index) => ({
    service: 'many',
    message: `event ${index}`,
    severity: 9,
    timestampNs: start + BigInt(index) * step,
  }))
  await loadBatch(temporary.store, stampedBatch(many, start))
  const fat = Array.from({ length: FAT_EVENTS }, (_, index) => ({
    service: 'fat',
    message: `${index} ${'x'.repeat(FAT_CHARS)}`,
    severity: 9,
    timestampNs: at('2026-11-20T11:00:00Z') + BigInt(index),
  }))
  await loadBatch(temporary.store, stampedBatch(fat, at('2026-11-20T11:00:00Z')))
  const { store } = temporary
  let app: FastifyInstance | undefined
  server = await openApi(
    quietContext({
      store: {
        isReady: true,
        deletions: store.deletions,
        delete: (request) => store.delete(request),
        status: () => store.status(),
        select: (statement, options) => store.select(statement, options),
        stream: (statement, options) => (pieces++, store.stream(statement, options)),
        texts: (...asked) => (pieces++, store.texts(...asked)),
      },
      clock: () => at('2026-11-21T12:00:00Z'),
    }),
    { attach: (routes) => (app = routes) },
  )
  folder = mkdtempSync(join(tmpdir(), 'tailrace-'))
  narrow = createServer((request, response) => app?.routing(request, response)).listen(socketPath())
  await once(narrow, 'listening')
})
afterAll(async () => {
  narrow.close()
  await server.close()
  await temporary.remove()
  rmSync(folder, { recursive: true })
})

function socketPath(): string {
  return join(folder, 'socket')
}

function open(path: string, socket?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpRequest(`${server.url}/api/v1/eventqry/${path}`, socket === undefined ? {} : { socketPath: socket }, resolve)
      .on('error', reject)
      .end()
  })
}

/** First word or two of each message, in the order of the lines. */
async function numbers(path: string): Promise<number[]> {
  const found: number[] = []
  let rest = ''
  for await (const chunk of (await open(path)).setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) found.push(Number(/"message":"(?:event )?(\d+)/.exec(line)?.[1]))
  }
  expect(rest).toBe('')
  return found
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

test('an hour comes in pieces, each event once and in order', async () => {
  pieces = 0
  expect(await numbers('many/2026-11-20T10?format=ndjson')).toEqual(upTo(EVENTS))
  expect(pieces).toBeGreaterThanOrEqual(6)
})

test('a moment with more than one answer of the store may hold comes in smaller pieces', async () => {
  expect(await numbers('fat/2026-11-20T11:00?format=ndjson')).toEqual(upTo(FAT_EVENTS))
})

test('a reader who waits holds up the store', async () => {
  const path = 'many/2026-11-20?format=ndjson'
  pieces = 0
  await numbers(path)
  const whole = pieces
  const response = await open(path, socketPath())
  // Meanwhile another one gets all of it.
  expect(await numbers(path)).toHaveLength(EVENTS)
  expect(pieces - 2 * whole).toBeLessThan(whole / 2)
  response.destroy()
})

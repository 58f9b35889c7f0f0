/** For tests: the routes on a real fastify, over small real stand-ins for the rooms that a test does not care about. */
import Fastify, { type FastifyInstance } from 'fastify'
import { Counters } from '../../core/counters.ts'
import { AppError, problemDocument } from '../../core/errors.ts'
import type { SpoolStatus } from '../../spool/spool.ts'
import type { StoreStatus } from '../../store/store.ts'
import { registerApi } from '../api.ts'
import { DEFAULT_API_LIMITS, type ApiContext } from '../context.ts'

export const IDLE_SPOOL: SpoolStatus = {
  pendingFiles: 0,
  pendingBytes: 0,
  pendingRows: 0,
  bytesMax: 1_000_000,
  loadingBatches: 0,
  quarantinedFiles: 0,
  refusing: null,
  lastLoadError: null,
}

export const READY_STORE: StoreStatus = {
  kind: 'embedded',
  state: 'ready',
  version: '26.7',
  reason: null,
  restarts: 0,
  rows: 5,
  bytesOnDisk: 500,
  oldest: '2026-01-01T00:00:00.000Z',
  newest: '2026-01-02T00:00:00.000Z',
  memoryBytes: 1000,
  diskFreeBytes: 9000,
  retention: [],
}

/** A context in which everything is well and nothing is stored. */
export function quietContext(changes: Partial<ApiContext> = {}): ApiContext {
  return {
    store: {
      isReady: true,
      status: () => Promise.resolve(READY_STORE),
      select: () => Promise.reject(new AppError('STORE_UNREACHABLE')),
      // eslint-disable-next-line require-yield
      async *stream() {
        throw new AppError('STORE_UNREACHABLE')
      },
    },
    live: {
      status: () => ({
        rings: 0,
        ringBytes: 0,
        ringBytesMax: 1000,
        ringEvents: 0,
        ringsEvicted: 0,
        subscribers: 0,
        completeFrom: '2026-01-01T00:00:00.000Z',
      }),
    },
    spool: { status: () => IDLE_SPOOL, storedThroughNs: 0n, durableThroughNs: 0n },
    counters: new Counters(),
    node: 'n1',
    version: '1.2.3',
    startedNs: 1_767_225_600_000_000_000n,
    clock: () => BigInt(Date.now()) * 1_000_000n,
    listeners: () => ({ http: '127.0.0.1:7575' }),
    limits: DEFAULT_API_LIMITS,
    ...changes,
  }
}

export interface OpenApiServer {
  app: FastifyInstance
  url: string
  close(): Promise<void>
}

/** Listens on a free loopback port. */
export async function openApi(context: ApiContext): Promise<OpenApiServer> {
  const app = Fastify({ forceCloseConnections: true })
  app.setErrorHandler((error, _request, reply) => {
    const known = error instanceof AppError ? error : toAppError(error)
    return reply.code(known.status).type('application/problem+json').send(problemDocument(known))
  })
  await registerApi(app, context)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, url, close: () => app.close() }
}

function toAppError(error: unknown): AppError {
  const isValidation = typeof error === 'object' && error !== null && 'validation' in error
  return new AppError(isValidation ? 'REQUEST_INVALID' : 'INTERNAL', { cause: error, detail: String(error) })
}

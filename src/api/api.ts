/**
 * api: the HTTP routes for reading and administration, and the OpenAPI document that follows from their schemas. It
 * knows the query room, and the store, the spool and the live flow only by their doors; it must never know files, the
 * engine or protocols of sources. Errors leave as `AppError`; the server that it is registered on makes problem documents of them.
 * Start with `context.ts` (what routes may touch), then `view.ts` (who sees what) and `search.ts` (how "newest first" is answered).
 */
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { AppError } from '../core/errors.ts'
import type { ApiContext } from './context.ts'
import { discreet } from './discretion.ts'
import { registerDeletion } from './eventlog/deletion.ts'
import { registerStats } from './eventlog/stats.ts'
import { registerListing } from './eventlog/listing.ts'
import { registerPages } from './eventlog/pages.ts'
import { registerExplain } from './explain.ts'
import { registerFields } from './fields.ts'
import { registerHealth } from './health.ts'
import { registerHistogram } from './histogram.ts'
import { registerHosts } from './hosts/host-routes.ts'
import { registerLanding } from './landing.ts'
import { registerMetrics } from './metrics.ts'
import { registerNeighbours } from './neighbours.ts'
import { registerOpenApi } from './openapi.ts'
import { registerKeys } from './key-routes.ts'
import { registerPage } from './page.ts'
import { acceptSmallBodies, refuseUnknownParameters, type BodyOptions } from './parameters.ts'
import { registerQuery } from './query-route.ts'
import { createReading, type Reading } from './reading.ts'
import { registerRetention } from './retention-routes.ts'
import type { ApiServer } from './schemas.ts'
import { registerSearches } from './search-routes.ts'
import { registerSession } from './session-routes.ts'
import { registerShares } from './share-routes.ts'
import { createSlowQueries, watchSlowness } from './slow-queries.ts'
import { registerStatus } from './status.ts'
import { createStoreFigures } from './store-figures.ts'
import { registerTail } from './tail.ts'
import { registerTokens } from './token-route.ts'

/**
 * Adds every reading route to the server. Await it before other rooms add theirs, so that those are in the OpenAPI
 * document as well.
 */
export async function registerApi(server: FastifyInstance, context: ApiContext): Promise<void> {
  const app = server.withTypeProvider<TypeBoxTypeProvider>()
  const figures = createStoreFigures(context)
  await registerOpenApi(app, context)
  registerLanding(app, context)
  registerPage(app, context)
  registerHealth(app, context, figures)
  const slow = createSlowQueries(context.limits.slowQueriesMax)
  registerStatus(app, context, { figures, slow })
  registerMetrics(app, context, figures)
  const reading = createReading(context, figures)
  const bytesMax = context.limits.bodyBytesMax
  const login = { bytesMax: Math.min(LOGIN_BYTES_MAX, bytesMax), takesForms: true }
  // No forms: a page of somebody else can send one without asking.
  const rights = { bytesMax: Math.min(RIGHTS_BYTES_MAX, bytesMax), takesForms: false }
  await inScope(app, { bytesMax, takesForms: true }, (scope) => {
    watchSlowness(scope, context, slow)
    registerReading(scope, reading)
  })
  await inScope(app, login, (scope) => registerSession(scope, context))
  await inScope(app, rights, (scope) => {
    registerKeys(scope, context)
    registerTokens(scope, context)
    registerSearches(scope, context)
    registerShares(scope, context)
    registerRetention(scope, context)
  })
}

const LOGIN_BYTES_MAX = 16 * 1024
const RIGHTS_BYTES_MAX = 256 * 1024

/** Routes that take these bodies, and no parameter or field that they do not know. */
async function inScope(app: ApiServer, bodies: BodyOptions, register: (scope: ApiServer) => void): Promise<void> {
  await app.register((scope, _options, done) => {
    const typed = scope.withTypeProvider<TypeBoxTypeProvider>()
    acceptSmallBodies(typed, bodies)
    typed.addHook('preValidation', refuseUnknownParameters)
    register(typed)
    done()
  })
}

function registerReading(app: ApiServer, reading: Reading): void {
  app.setErrorHandler((error, request) => {
    throw error instanceof AppError ? discreet(error, request.principal) : error
  })
  registerQuery(app, reading)
  registerExplain(app, reading)
  registerHistogram(app, reading)
  registerFields(app, reading)
  registerNeighbours(app, reading)
  registerTail(app, reading)
  registerPages(app, reading)
  registerListing(app, reading)
  registerStats(app, reading)
  registerDeletion(app, reading)
  registerHosts(app, reading)
}

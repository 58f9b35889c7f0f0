/**
 * api: the HTTP routes for reading and administration, and the OpenAPI document that follows from their schemas. It
 * knows the query room, and the store, the spool and the live flow only by their doors; it must never know files, the
 * engine or protocols of sources. Errors leave as `AppError`; the server that it is registered on makes problem documents of them.
 * Start with `context.ts` (what routes may touch), then `search.ts` (how "newest first" is answered).
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
import { registerLanding } from './landing.ts'
import { registerMetrics } from './metrics.ts'
import { registerNeighbours } from './neighbours.ts'
import { registerOpenApi } from './openapi.ts'
import { acceptSmallBodies, refuseUnknownParameters } from './parameters.ts'
import { registerQuery } from './query-route.ts'
import { createReading, type Reading } from './reading.ts'
import type { ApiServer } from './schemas.ts'
import { registerStatus } from './status.ts'
import { createStoreFigures } from './store-figures.ts'
import { registerTail } from './tail.ts'

/**
 * Adds every reading route to the server. Await it before other rooms add theirs, so that those are in the OpenAPI
 * document as well.
 */
export async function registerApi(server: FastifyInstance, context: ApiContext): Promise<void> {
  const app = server.withTypeProvider<TypeBoxTypeProvider>()
  const figures = createStoreFigures(context)
  await registerOpenApi(app, context)
  registerLanding(app, context)
  registerHealth(app, context, figures)
  registerStatus(app, context, figures)
  registerMetrics(app, context, figures)
  await app.register((scope, _options, done) => {
    registerReading(scope.withTypeProvider<TypeBoxTypeProvider>(), createReading(context, figures))
    done()
  })
}

function registerReading(app: ApiServer, reading: Reading): void {
  acceptSmallBodies(app)
  app.addHook('preValidation', refuseUnknownParameters)
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
}

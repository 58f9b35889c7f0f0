import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { ApiContext } from './context.ts'
import type { ApiServer } from './schemas.ts'

/**
 * `/openapi.json` and `/docs`, derived from the schemas of every route that is registered after this, whoever owns it.
 * The page is served from this server alone.
 */
export async function registerOpenApi(app: ApiServer, context: Pick<ApiContext, 'version'>): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tailrace',
        version: context.version,
        description: 'A log server: send events, tail them live, query them later.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'ingest', description: 'Sending events' },
        { name: 'reading', description: 'Searching, tailing and counting events' },
        { name: 'server', description: 'Health and figures' },
      ],
    },
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true },
  })
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) =>
    reply.header('cache-control', 'no-cache').send(app.swagger()),
  )
}

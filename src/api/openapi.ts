import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { showInstead, wantsPage } from './browser.ts'
import type { ApiContext } from './context.ts'
import { SECURITY_SCHEMES, withAccess } from './openapi-access.ts'
import type { ApiServer } from './schemas.ts'

/** Nothing from elsewhere, and no upgrade to HTTPS that a server in a private network does not have. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

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
        { name: 'access', description: 'Keys, tokens and sessions' },
        { name: 'eventlog', description: 'The event log: submitting, reading closed pages, deleting, statistics' },
        { name: 'hosts', description: 'Hosts, their files, and the lines in them' },
        { name: 'saved', description: 'Named searches and shared views' },
        { name: 'server', description: 'Health and figures' },
      ],
      components: { securitySchemes: SECURITY_SCHEMES },
    },
    transform: ({ schema, url, route }) => ({ schema: withAccess(schema, route), url }),
  })
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'any' }
    })
    // Whoever shows a key is no browser that has yet to log in.
    scope.addHook('onSend', async (request, reply, payload) => {
      const isStranger = reply.statusCode === 401 && request.headers.authorization === undefined
      return isStranger && request.method === 'GET' && wantsPage(request) ? showInstead(reply, '/') : payload
    })
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: DOCS_POLICY,
      theme: { title: 'Tailrace' },
      uiConfig: { docExpansion: 'list', tryItOutEnabled: true },
    })
  })
  app.get('/openapi.json', { config: { access: 'any' }, schema: { hide: true } }, (_request, reply) =>
    reply.header('cache-control', 'no-cache').send(app.swagger()),
  )
}

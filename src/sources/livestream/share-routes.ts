import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { problems, ShareListQuery, ShareListSchema, TAGS } from './schemas.ts'
import type { LivestreamContext } from './settings.ts'
import { listShares, revokeShare, type ShareEnds } from './shares.ts'

const SHARES_PATH = '/api/v1/streams/shares'

/** Adds the routes for links that were made: which there are, and taking one back. */
export function addShareList(
  scope: FastifyInstance,
  { context, ends }: { context: LivestreamContext; ends: ShareEnds },
): void {
  const server = scope.withTypeProvider<TypeBoxTypeProvider>()
  server.get(
    SHARES_PATH,
    {
      config: { access: 'any' },
      schema: {
        tags: TAGS,
        summary: 'The links to streams that there are',
        description:
          'Of the streams that the key could make links to; those that last longest first. What a link leads to is known ' +
          'to who made it alone.',
        querystring: ShareListQuery,
        response: { 200: ShareListSchema, ...problems(400) },
      },
    },
    (request, reply) => {
      const { stream, limit = 100 } = request.query
      const found = listShares(context, request.principal, stream)
      reply.header('cache-control', 'no-store')
      return { shares: found.slice(0, limit), isComplete: found.length <= limit }
    },
  )
  server.delete(
    `${SHARES_PATH}/:id`,
    {
      config: { access: 'any' },
      schema: {
        tags: TAGS,
        summary: 'Takes back a link to a stream',
        description: 'Who reads through it is cut off. For who made it, who wrote the stream, and admins.',
        params: Type.Object({ id: Type.String({ maxLength: 100 }) }),
        response: { 204: Type.Null(), ...problems(403, 404) },
      },
    },
    async (request, reply) => {
      const { principal, ip: address } = request
      const { id } = request.params
      const stream = await revokeShare(id, principal, { context, ends })
      const details = { 'stream.name': stream.name, 'share.id': id }
      await context.audit({ action: 'stream.unshared', principal, address, details })
      return reply.code(204).send(null)
    },
  )
}

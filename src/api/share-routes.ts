import { Type, type Static } from 'typebox'
import type { ShareItem } from '../saved/shares.ts'
import type { ApiContext } from './context.ts'
import { ownerOf } from './owner.ts'
import { problems, type ApiServer } from './schemas.ts'

/** One slash only: no other site, however browsers read it. */
const Address = Type.String({
  maxLength: 8000,
  pattern: '^/(?![/\\\\])[^\\s\\\\]*$',
  description: 'Path and query of the page of this server that shows the view',
  examples: ['/?q=level%3A%3E%3Derror&start=2026-11-28T09%3A00%3A00Z'],
})

const ShareSchema = Type.Object(
  {
    id: Type.String({ description: 'Cannot be guessed' }),
    address: Address,
    by: Type.String({ description: 'Name of the key that shared it' }),
    created: Type.String(),
  },
  { title: 'Share' },
)

const Id = Type.Object({ id: Type.String({ description: 'The id of the shared view' }) })

/** `/api/v1/shares`: views of the page under short ids, to be sent to somebody. */
export function registerShares(app: ApiServer, { saved: { shares } }: ApiContext): void {
  const config = { access: 'read' } as const
  const tags = ['saved']
  registerLink(app)
  app.post(
    '/api/v1/shares',
    {
      config,
      schema: {
        tags,
        summary: 'Share a view',
        description:
          'Whoever has the id, and a key that reads, opens the view with `/s/<id>`: its address, and of the events what ' +
          'the own key reads. The same view shared again with the same key keeps its id.',
        body: Type.Object({ address: Address }, { title: 'NewShare' }),
        response: { 200: ShareSchema, 201: ShareSchema, ...problems(400, 409, 503) },
      },
    },
    async ({ body, principal }, reply) => {
      const { share, isNew } = await shares.add(body.address, ownerOf(principal))
      return reply.code(isNew ? 201 : 200).send(shown(share))
    },
  )
  app.get(
    '/api/v1/shares',
    {
      config,
      schema: {
        tags,
        summary: 'Shared views',
        description: 'Newest first: those that were shared with this key; with an admin key those of everybody.',
        response: { 200: Type.Object({ shares: Type.Array(ShareSchema) }, { title: 'Shares' }) },
      },
    },
    ({ principal }, reply) => {
      reply.header('cache-control', 'no-store')
      return { shares: shares.list(ownerOf(principal)).map(shown) }
    },
  )
  app.get(
    '/api/v1/shares/:id',
    {
      config,
      schema: {
        tags,
        summary: 'A shared view',
        params: Id,
        response: { 200: ShareSchema, ...problems(404) },
      },
    },
    ({ params }, reply) => {
      reply.header('cache-control', 'no-store')
      return shown(shares.find(params.id))
    },
  )
  app.delete(
    '/api/v1/shares/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Share a view no longer',
        description: 'With the key that shared it, or an admin key.',
        params: Id,
        response: { 200: ShareSchema, ...problems(404, 503) },
      },
    },
    async ({ params, principal }) => shown(await shares.remove(params.id, ownerOf(principal))),
  )
}

function registerLink(app: ApiServer): void {
  // The page asks for it, with the reader's own key, once they are logged in.
  app.get('/s/:id', { config: { access: 'public' }, schema: { hide: true, params: Id } }, ({ params }, reply) =>
    reply.redirect(`/view/shared?id=${encodeURIComponent(params.id)}`, 303),
  )
}

function shown({ id, address, by, createdMs }: ShareItem): Static<typeof ShareSchema> {
  return { id, address, by, created: new Date(createdMs).toISOString() }
}

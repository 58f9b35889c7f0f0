import { Type, type Static } from 'typebox'
import type { SearchItem } from '../saved/searches.ts'
import type { ApiContext } from './context.ts'
import { ownerOf } from './owner.ts'
import { problems, type ApiServer } from './schemas.ts'

const content = {
  name: Type.String({ minLength: 1, maxLength: 100, description: 'For people' }),
  query: Type.String({ maxLength: 10_000, description: 'In the query language; empty selects everything' }),
  start: Type.String({ maxLength: 100, description: 'As `start` of a query; empty: all of time' }),
  end: Type.String({ maxLength: 100, description: 'As `end` of a query; empty: now' }),
  columns: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), {
    maxItems: 50,
    description: 'Fields that stand beside the message',
  }),
}

const NewSearchSchema = Type.Object(
  {
    name: content.name,
    query: content.query,
    start: Type.Optional(content.start),
    end: Type.Optional(content.end),
    columns: Type.Optional(content.columns),
  },
  { title: 'NewSearch', examples: [{ name: 'Failed payments', query: 'service:shop level:>=error', start: '-1h' }] },
)

const SearchSchema = Type.Object(
  {
    id: Type.String(),
    ...content,
    by: Type.String({ description: 'Name of the key that saved it; empty: it was saved while there were no keys' }),
    isOwn: Type.Boolean({ description: 'Whoever asks may change and remove it' }),
    created: Type.String(),
    updated: Type.String(),
  },
  { title: 'Search' },
)

const Id = Type.Object({ id: Type.String({ description: 'The id of the search' }) })
const WHO = 'Whoever reads everything sees the searches of all; a key with a filter only those that were saved with it.'

/** `/api/v1/searches`: searches with a name, for everybody who reads here. */
export function registerSearches(app: ApiServer, { saved }: Pick<ApiContext, 'saved'>): void {
  const { searches } = saved
  const config = { access: 'read' } as const
  const tags = ['saved']
  app.get(
    '/api/v1/searches',
    {
      config,
      schema: {
        tags,
        summary: 'Saved searches',
        description: `By name. ${WHO}`,
        response: { 200: Type.Object({ searches: Type.Array(SearchSchema) }, { title: 'Searches' }) },
      },
    },
    ({ principal }, reply) => {
      reply.header('cache-control', 'no-store')
      const owner = ownerOf(principal)
      return {
        searches: searches.list(owner).map((item) => shown(item, { isChangeable: searches.mayChange(item, owner) })),
      }
    },
  )
  app.post(
    '/api/v1/searches',
    {
      config,
      schema: {
        tags,
        summary: 'Save a search',
        description: WHO,
        body: NewSearchSchema,
        response: { 201: SearchSchema, ...problems(400, 409, 503) },
      },
    },
    async ({ body, principal }, reply) =>
      reply.code(201).send(shown(await searches.add(completed(body), ownerOf(principal)))),
  )
  registerChanges(app, { saved })
}

function registerChanges(app: ApiServer, { saved: { searches } }: Pick<ApiContext, 'saved'>): void {
  const config = { access: 'read' } as const
  const tags = ['saved']
  app.put(
    '/api/v1/searches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Change a saved search',
        description: 'With the key that saved it, or an admin key.',
        params: Id,
        body: NewSearchSchema,
        response: { 200: SearchSchema, ...problems(400, 404, 503) },
      },
    },
    async ({ params, body, principal }) =>
      shown(await searches.replace(params.id, completed(body), ownerOf(principal))),
  )
  app.delete(
    '/api/v1/searches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Remove a saved search',
        description: 'With the key that saved it, or an admin key.',
        params: Id,
        response: { 200: SearchSchema, ...problems(404, 503) },
      },
    },
    async ({ params, principal }) => shown(await searches.remove(params.id, ownerOf(principal))),
  )
}

function completed({ name, query, start = '', end = '', columns = [] }: Static<typeof NewSearchSchema>): {
  name: string
  query: string
  start: string
  end: string
  columns: string[]
} {
  return { name, query, start, end, columns }
}

function shown(item: SearchItem, { isChangeable = true } = {}): Static<typeof SearchSchema> {
  const { createdMs, updatedMs, keyId: _key, filter: _filter, columns, ...rest } = item
  return {
    ...rest,
    columns: [...columns],
    isOwn: isChangeable,
    created: new Date(createdMs).toISOString(),
    updated: new Date(updatedMs).toISOString(),
  }
}

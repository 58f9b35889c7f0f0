import { Type } from 'typebox'
import { explain } from '../query/query.ts'
import { End, QueryText, Start } from './parameters.ts'
import { LIMIT } from './questions.ts'
import type { Reading } from './reading.ts'
import { problems, QueryProblemSchema, type ApiServer } from './schemas.ts'
import { parseRange } from './times.ts'

/** `/api/v1/query/explain`: what a query will do, in English and in SQL, or everything that is wrong with it. */
export function registerExplain(app: ApiServer, { context, events, view }: Reading): void {
  app.post(
    '/api/v1/query/explain',
    {
      config: { access: 'read' },
      schema: {
        tags: ['reading'],
        summary: 'What a query will do',
        description:
          'A query with mistakes is answered 200 as well: the mistakes are the answer. The filter of the key is part ' +
          'of what is explained.',
        body: Type.Object({
          query: QueryText,
          start: Type.Optional(Start),
          end: Type.Optional(End),
          target: Type.Optional(
            Type.String({ enum: ['search', 'tail'], description: 'What it is for; search unless given' }),
          ),
        }),
        response: {
          200: Type.Object(
            {
              explanation: Type.String({ description: 'Empty when the query has mistakes' }),
              problems: Type.Array(QueryProblemSchema),
              sql: Type.Optional(
                Type.String({ description: 'What the store is asked, if it speaks SQL; values are parameters' }),
              ),
            },
            { title: 'Explanation' },
          ),
          ...problems(400),
        },
      },
    },
    (request) => {
      const nowNs = context.clock()
      const { query: text, start, end } = request.body
      const target = request.body.target === 'tail' ? 'tail' : 'search'
      const range = parseRange(start, end, nowNs)
      const { query, problems } = view(request.principal).compile(text, { nowNs, target })
      if (!query) return { explanation: '', problems: [...problems] }
      const sql = events.textOf(query, { range, limit: LIMIT })
      return { explanation: explain(query), problems: [], ...(sql === undefined ? {} : { sql }) }
    },
  )
}

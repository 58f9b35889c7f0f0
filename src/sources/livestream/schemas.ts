/** What the routes of streams take and answer. */
import Type from 'typebox'
import { problemResponses } from '../problem-responses.ts'

export const TAGS = ['streams']

export const NameParameters = Type.Object({
  '*': Type.String({ description: 'Name of the stream: a path such as ci/build-42' }),
})

export const PutQuery = Type.Object({
  index: Type.Optional(Type.Boolean({ description: 'Whether its lines become events' })),
  host: Type.Optional(Type.String({ maxLength: 1024, description: 'The machine it comes from; the sender’s address' })),
})

export const GetQuery = Type.Object({
  follow: Type.Optional(Type.Literal('sse', { description: 'Lines with numbers, as server-sent events' })),
  from: Type.Optional(Type.Integer({ minimum: 1, description: 'With follow=sse: the first line' })),
  download: Type.Optional(Type.Boolean({ description: 'As a file to be saved' })),
  plain: Type.Optional(Type.Boolean({ description: 'The bytes also for a browser, which gets a page else' })),
})

export const SharedQuery = Type.Object({
  token: Type.String({ maxLength: 200, description: 'Secret of the link' }),
  ...GetQuery.properties,
})

export const ListQuery = Type.Object({
  prefix: Type.Optional(Type.String({ maxLength: 1024, description: 'What names begin with' })),
  state: Type.Optional(Type.Union([Type.Literal('live'), Type.Literal('interrupted'), Type.Literal('finished')])),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 100, description: 'Of the page before' })),
})

export const ListedStreamSchema = Type.Object(
  {
    name: Type.String(),
    state: Type.String({ enum: ['live', 'interrupted', 'finished'] }),
    size: Type.Integer({ description: 'Bytes' }),
    started: Type.String(),
    ended: Type.Union([Type.String(), Type.Null()]),
    readers: Type.Integer(),
    host: Type.String(),
    lines: Type.Union([Type.Integer(), Type.Null()], { description: 'Lines that are events; null: none become any' }),
    url: Type.String({ description: 'Path of its bytes, and of its page' }),
  },
  { title: 'Stream' },
)

export const ListSchema = Type.Object({
  streams: Type.Array(ListedStreamSchema, { description: 'Newest first' }),
  cursor: Type.Union([Type.String(), Type.Null()]),
})

export const PutAnswer = Type.Object({ name: Type.String(), state: Type.String(), size: Type.Integer() })

export const ShareAnswer = Type.Object({
  id: Type.String({ description: 'What the link is listed and taken back by' }),
  url: Type.String({ description: 'Shows the stream without a key' }),
  expires: Type.String(),
})

export const ShareListQuery = Type.Object({
  stream: Type.Optional(Type.String({ maxLength: 1024, description: 'Links to this stream alone' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
})

export const ShareListSchema = Type.Object({
  shares: Type.Array(
    Type.Object({
      id: Type.String(),
      stream: Type.String(),
      expires: Type.String(),
      key: Type.String({ description: 'Id of the key that made it; empty: nobody had a key' }),
      isRemovable: Type.Boolean({ description: 'Whether this key may take it back' }),
    }),
  ),
  isComplete: Type.Boolean({ description: 'There are no more than these' }),
})

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'The name, a parameter or a header is not valid',
  403: 'The key does not allow this',
  404: 'There is no such stream, or it may not be seen',
  409: 'The stream is there already, is finished, or somebody else goes on with it',
  416: 'The stream does not have these bytes, or does not go on there',
  429: 'Too many writers or readers at once; Retry-After',
  503: 'It could not be written, or the server is closing; Retry-After',
  507: 'There is no room for it',
}

export function problems(...statuses: number[]): Record<string, unknown> {
  return problemResponses(Object.fromEntries(statuses.map((status) => [status, MEANINGS[status] ?? ''])))
}

/** An answer that is no JSON. */
export function textResponse(description: string, ...types: string[]): unknown {
  return { description, content: Object.fromEntries(types.map((type) => [type, { schema: { type: 'string' } }])) }
}

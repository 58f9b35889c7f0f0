import Type from 'typebox'

const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.Optional(Type.String()),
    hint: Type.Optional(Type.String()),
    problems: Type.Optional(Type.Array(Type.Unknown())),
  },
  { description: 'RFC 9457 problem document' },
)

/** Status → what it means at this route, as the error responses of a route's schema. */
export function problemResponses(meanings: Readonly<Record<number, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(meanings).map(([status, description]) => [
      status,
      { description, content: { 'application/problem+json': { schema: ProblemSchema } } },
    ]),
  )
}

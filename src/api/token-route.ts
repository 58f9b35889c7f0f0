import { Type } from 'typebox'
import type { NewToken } from '../access/access.ts'
import { withoutEmpty } from './audit-details.ts'
import type { ApiContext } from './context.ts'
import { Life, rightsProperties, RoleSchema } from './key-routes.ts'
import { problems, type ApiServer } from './schemas.ts'
import { parseLifeMs } from './times.ts'

const NewTokenSchema = Type.Object(
  { role: Type.Optional(RoleSchema), expires: Life, ...rightsProperties },
  { title: 'NewToken', examples: [{ role: 'read', filter: 'service:shop', expires: '15m' }] },
)

/** `/api/v1/tokens`: something that may do less than the key, and not for long. */
export function registerTokens(app: ApiServer, context: ApiContext): void {
  app.post(
    '/api/v1/tokens',
    {
      config: { access: 'any' },
      schema: {
        tags: ['access'],
        summary: 'Make a token',
        description:
          'A token is shown like a key, may do what its key may or less, and ends with it. Its filter is ANDed to that of ' +
          'the key. Tokens are made with a key or in a session, not with another token.',
        body: NewTokenSchema,
        response: { 201: Type.Object({ token: Type.String(), expires: Type.String() }), ...problems(400) },
      },
    },
    async (request, reply) => {
      const { expires, role, ...rights } = request.body
      const wanted: NewToken = { ...rights, expiresInMs: parseLifeMs(expires) }
      if (role !== undefined) wanted.role = role as NonNullable<NewToken['role']>
      const created = context.access.createToken(request.principal, wanted)
      const { filter, stamps, addresses } = rights
      const details = {
        'token.role': role ?? request.principal.role,
        'token.filter': filter,
        'token.stamps': stamps && JSON.stringify(stamps),
        'token.addresses': addresses?.join(' '),
        'token.expires': created.expires,
      }
      const { principal, ip: address } = request
      await context.audit({ action: 'token.created', principal, address, details: withoutEmpty(details) })
      return reply.code(201).header('cache-control', 'no-store').send(created)
    },
  )
}

import { Type, type Static } from 'typebox'
import type { KeyInfo } from '../access/access.ts'
import { AppError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { withoutEmpty } from './audit-details.ts'
import type { ApiContext } from './context.ts'
import { problems, type ApiServer } from './schemas.ts'
import { parseLifeMs } from './times.ts'

export const RoleSchema = Type.String({
  enum: ['write', 'read', 'admin'],
  description: 'write: send events. read: search and tail them. admin: both, and manage keys',
})

/** What a key or a token may do, as a request asks for it. Whether it makes sense is the access room's to say. */
export const rightsProperties = {
  filter: Type.Optional(
    Type.String({
      description: 'For role read: a filter of the query language, ANDed to everything that is read with it',
      examples: ['service:billing'],
    }),
  ),
  stamps: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description: 'For role write: what events sent with it bear, whatever they claim',
      examples: [{ service: 'shop' }],
    }),
  ),
  addresses: Type.Optional(
    Type.Array(Type.String(), {
      description: 'IP addresses and CIDR ranges that it is accepted from; from everywhere without',
      examples: [['10.0.0.0/8']],
    }),
  ),
}

export const Life = Type.String({
  maxLength: 100,
  description: 'How long it is valid: a duration such as 90d or 15m, or milliseconds',
  examples: ['90d'],
})

const NewKeySchema = Type.Object(
  {
    role: RoleSchema,
    name: Type.Optional(Type.String({ description: 'For people; up to 100 characters', examples: ['billing'] })),
    expires: Type.Optional(Life),
    ...rightsProperties,
  },
  { title: 'NewKey', examples: [{ role: 'read', name: 'billing', filter: 'service:billing', expires: '90d' }] },
)

const time = (description: string) => Type.Union([Type.String(), Type.Null()], { description })
const KeySchema = Type.Object(
  {
    id: Type.String({ description: 'Not secret' }),
    name: Type.String(),
    role: RoleSchema,
    filter: Type.String({ description: 'Empty: it reads everything' }),
    stamps: Type.Record(Type.String(), Type.String()),
    addresses: Type.Array(Type.String(), { description: 'None: from everywhere' }),
    created: Type.String(),
    createdBy: Type.String({ description: 'Name of the key that made it; empty: made while there were no keys' }),
    expires: time('null: never'),
    revoked: time('null: it was not'),
    lastUsed: time('Since the server started; null: not yet'),
  },
  { title: 'Key', description: 'A key without its secret' },
)

const CreatedSchema = Type.Object({
  key: Type.String({ description: 'The key itself, shown this once' }),
  info: KeySchema,
})

/** `/api/v1/keys`: who may do what. */
export function registerKeys(app: ApiServer, context: ApiContext): void {
  const { access } = context
  const config = { access: 'admin' } as const
  app.post(
    '/api/v1/keys',
    {
      config,
      schema: {
        tags: ['access'],
        summary: 'Make a key',
        description:
          'The first key has to be an admin key, and ends the time in which everybody may do everything. Valid at once.',
        body: NewKeySchema,
        response: { 201: CreatedSchema, ...problems(400, 409) },
      },
    },
    async (request, reply) => {
      const { expires, ...rights } = request.body
      if (request.principal.by === 'token') throw tokenProblem()
      if (access.isOpen && rights.role !== 'admin') throw firstKeyProblem(rights.role)
      const life = expires === undefined ? {} : { expiresInMs: parseLifeMs(expires) }
      const created = await access.keys.create(
        { ...rights, role: rights.role as KeyInfo['role'], ...life },
        nameOf(request.principal),
      )
      await audited(context, request, 'key.created', created.info)
      return reply.code(201).header('cache-control', 'no-store').send(created)
    },
  )
  app.get(
    '/api/v1/keys',
    {
      config,
      schema: {
        tags: ['access'],
        summary: 'All keys',
        description: 'Oldest first, with those that were revoked or have expired in the last 90 days.',
        response: { 200: Type.Object({ keys: Type.Array(KeySchema) }, { title: 'Keys' }) },
      },
    },
    (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return { keys: access.keys.list() }
    },
  )
  app.delete(
    '/api/v1/keys/:id',
    {
      config,
      schema: {
        tags: ['access'],
        summary: 'Revoke a key',
        description:
          'Ends the key, its sessions and tokens, and the tails and exports that are open with them, at once. ' +
          'Revoking a key again changes nothing.',
        params: Type.Object({ id: Type.String({ description: 'The id of the key', examples: ['k3v9x0q2m7ab'] }) }),
        response: { 200: KeySchema, ...problems(404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const wasValid = access.keys.list().some((key) => key.id === id && key.revoked === null)
      const info = await access.keys.revoke(id)
      if (wasValid) await audited(context, request, 'key.revoked', info)
      reply.header('cache-control', 'no-store')
      return info
    },
  )
}

function tokenProblem(): AppError {
  return new AppError('ACCESS_DENIED', {
    detail: 'A token makes no keys: they would outlive it.',
    hint: 'Show the key that the token was made from.',
  })
}

function firstKeyProblem(role: string): AppError {
  return new AppError('REQUEST_INVALID', {
    detail: `role: the first key has to be an admin key, not ${role}: with the first key nobody else may make another.`,
    hint: 'Make an admin key first, and this one with it.',
  })
}

/** Empty while there are no keys. */
function nameOf({ name, keyId }: Principal): string {
  return name === '' ? keyId : name
}

async function audited(
  { audit }: Pick<ApiContext, 'audit'>,
  { principal, ip }: { principal: Principal; ip: string },
  action: string,
  { id, name, role, filter, stamps, addresses, expires }: Static<typeof KeySchema>,
): Promise<void> {
  const details = {
    'key.id': id,
    'key.name': name,
    'key.role': role,
    'key.filter': filter,
    'key.stamps': Object.keys(stamps).length === 0 ? '' : JSON.stringify(stamps),
    'key.addresses': addresses.join(' '),
    'key.expires': expires ?? '',
  }
  await audit({ action, principal, address: ip, details: withoutEmpty(details) })
}

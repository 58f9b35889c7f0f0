/** What the OpenAPI document says about keys, from what each route itself says about who may use it. */
import type { FastifySchema, RouteOptions } from 'fastify'
import type { Right } from '../core/principal.ts'
import { problems } from './schemas.ts'

/** OpenAPI 3.1 §4.8.27. */
export const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'A key (trk_…) or a token (trt_…)',
  },
  basic: { type: 'http', scheme: 'basic', description: 'User name: anything, for people. Password: a key' },
  session: { type: 'apiKey', in: 'cookie', name: 'tailrace_session', description: 'Set by POST /api/v1/session' },
  signature: {
    type: 'apiKey',
    in: 'header',
    name: 'Tailrace-Signature',
    description:
      'HMAC-SHA256 with a write key, which stays at home; with the headers Tailrace-Key, Tailrace-Timestamp and ' +
      'Tailrace-Content-SHA256. docs/access.md says over what',
  },
} as const

const ANY_KEY = [{ bearer: [] }, { basic: [] }, { session: [] }]
const NEEDED: Readonly<Record<Right, string>> = {
  public: '',
  any: 'Takes any key.',
  write: 'Takes a key with role write.',
  read: 'Takes a key with role read; its filter holds for all of the answer.',
  figures: 'Takes a key with role read and no filter.',
  admin: 'Takes a key with role admin.',
}

/** Adds to a route's schema what it takes to use it. */
export function withAccess(schema: FastifySchema | undefined, { config }: RouteOptions): FastifySchema {
  const right = config?.access ?? 'public'
  const described = schema ?? {}
  if (right === 'public') return { ...described, security: [] }
  const { description, response } = described
  return {
    ...described,
    description: [description, NEEDED[right]].filter((text) => text !== undefined && text !== '').join(' '),
    security: right === 'write' ? [...ANY_KEY, { signature: [] }] : ANY_KEY,
    response: { ...(response as object | undefined), ...problems(401, 403) },
  }
}

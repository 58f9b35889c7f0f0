import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { AppError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { showInstead, wantsPage } from './browser.ts'
import type { ApiContext } from './context.ts'
import { problems, type ApiServer } from './schemas.ts'
import { assertOwnPage, clearSessionCookie, setSessionCookie } from './session-cookie.ts'

export const SESSION_URL = '/api/v1/session'
/** A form can only GET and POST. */
export const SESSION_END_URL = '/api/v1/session/end'

const WhoSchema = Type.Object(
  {
    open: Type.Boolean({ description: 'There are no keys: everybody may do everything' }),
    by: Type.String({
      enum: ['open', 'nobody', 'key', 'session', 'token', 'signature'],
      description: 'How the request shows who sends it; nobody: it shows nothing that is valid',
    }),
    name: Type.Optional(Type.String({ description: 'Of the key' })),
    role: Type.Optional(Type.String()),
    filter: Type.Optional(Type.String({ description: 'What is read has to pass it; empty: everything may be read' })),
    expires: Type.Optional(Type.String({ description: 'When a session ends by itself' })),
  },
  { title: 'Who' },
)

const LoginSchema = Type.Object(
  { key: Type.String({ minLength: 1, maxLength: 1000, description: 'The key', examples: ['trk_k3v9x0q2m7ab_…'] }) },
  { title: 'Login' },
)

const redirection = { 303: { description: 'To / for a form of a page (Accept: text/html)', type: 'null' } }

/** `/api/v1/session`: the page logs in, asks who it is, and logs out. */
export function registerSession(app: ApiServer, context: ApiContext): void {
  const config = { access: 'public' } as const
  app.post(
    SESSION_URL,
    {
      config,
      onSend: showFormAgain,
      schema: {
        tags: ['access'],
        summary: 'Log in',
        description:
          'Sets a cookie (HttpOnly, SameSite=Strict, Secure under TLS) that stands for the key until it expires, ' +
          'somebody logs out, or the key ends. JSON or a form; only from a page of this server.',
        body: LoginSchema,
        response: { 200: WhoSchema, ...redirection, ...problems(400, 401, 403) },
      },
    },
    (request, reply) => logIn(context, request.body.key, request, reply),
  )
  app.get(
    SESSION_URL,
    {
      config,
      schema: {
        tags: ['access'],
        summary: 'Who am I',
        description: 'As whom the server knows whoever sends this, by whichever means.',
        response: { 200: WhoSchema },
      },
    },
    (request, reply) => {
      reply.header('cache-control', 'no-store')
      return whoIs(context.access, request.principal)
    },
  )
  const schema = {
    tags: ['access'],
    description: 'Ends the session at once, wherever its cookie may still be, and clears the cookie.',
    response: { 204: { description: 'Logged out', type: 'null' }, ...redirection, ...problems(403) },
  }
  const logOut = (request: FastifyRequest, reply: FastifyReply) => endSession(context, request, reply)
  app.delete(SESSION_URL, { config, schema: { ...schema, summary: 'Log out' } }, logOut)
  app.post(SESSION_END_URL, { config, schema: { ...schema, summary: 'Log out, for a form' } }, logOut)
}

async function logIn(
  { access, audit }: ApiContext,
  key: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  assertOwnPage(request)
  const address = request.ip
  reply.header('cache-control', 'no-store')
  try {
    const { principal, cookie, expires } = access.openSession(key.trim(), address)
    await audit({ action: 'session.opened', principal, address, details: { 'session.expires': expires } })
    setSessionCookie(request, reply, cookie, expires)
    return wantsPage(request) ? reply.redirect('/', 303) : reply.send(whoIs(access, principal))
  } catch (error) {
    // Whoever tries many does not fill the trail.
    if (error instanceof AppError && error.code === 'KEY_REFUSED' && !request.isOverFailures()) {
      await audit({ action: 'session.refused', principal: undefined, address })
    }
    throw error
  }
}

/** A form is shown the page again. */
async function showFormAgain(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  return wantsPage(request) && reply.statusCode === 401 ? showInstead(reply, '/?login=refused') : payload
}

async function endSession(
  { access, audit }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  assertOwnPage(request)
  const principal = sessionOf(access, request)
  if (principal) {
    await access.closeSession(principal)
    await audit({ action: 'session.closed', principal, address: request.ip })
  }
  clearSessionCookie(request, reply)
  reply.header('cache-control', 'no-store')
  return wantsPage(request) ? reply.redirect('/', 303) : reply.code(204).send()
}

/**
 * Of the cookie, whatever else the request shows, and without the Origin that anything else but reading takes: programs
 * send none. Throws ORIGIN_REFUSED, and REQUEST_INVALID when it cannot be told which session is meant. `undefined`:
 * there is none that could be ended.
 */
function sessionOf(access: ApiContext['access'], { headers, url, ip }: FastifyRequest): Principal | undefined {
  const { cookie, host, origin, 'sec-fetch-site': site } = headers
  const shown = { cookie, host, origin, 'sec-fetch-site': site }
  try {
    const { principal } = access.identify({ method: 'GET', url, headers: shown, rawHeaders: [], address: ip })
    return principal.by === 'session' ? principal : undefined
  } catch (error) {
    if (error instanceof AppError && (error.code === 'KEY_REQUIRED' || error.code === 'KEY_REFUSED')) return undefined
    throw error
  }
}

function whoIs(access: ApiContext['access'], principal: Principal): Static<typeof WhoSchema> {
  const { by, name, role, filter } = principal
  if (by === 'nobody') return { open: false, by }
  if (by === 'open') return { open: true, by, role }
  const expires = access.sessionExpires(principal)
  return { open: false, by, name, role, filter, ...(expires !== undefined && { expires }) }
}

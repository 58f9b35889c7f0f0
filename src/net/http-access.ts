import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { AppError } from '../core/errors.ts'
import type { HttpRates } from './http-rates.ts'
import { isAllowed, NOBODY, OPEN_PRINCIPAL, type Principal, type Right } from '../core/principal.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** On whose behalf; `open` while there are no keys, `nobody` on public routes where nothing valid was shown. */
    principal: Principal
    /** SHA-256 that a signed body has to have. */
    bodySha256: Buffer | null
    /** Too much from this address was not valid: what else is not is answered with TOO_MANY_REQUESTS. */
    isOverFailures(): boolean
  }
  interface FastifyContextConfig {
    /** What it takes to use this route: every route says so. */
    access?: Right
  }
}

/** What the HTTP server needs of whoever knows the keys. */
export interface HttpAccess {
  /** There are no keys: everybody may do everything. */
  readonly isOpen: boolean
  /** Throws the AppError that the sender gets. */
  identify(head: {
    method: string
    url: string
    headers: FastifyRequest['headers']
    rawHeaders: readonly string[]
    address: string
  }): { principal: Principal; bodySha256?: Buffer }
}

/**
 * Before anything of a body is read: who sends this, and may they use this route? On public routes whoever shows
 * nothing valid is nobody; where there is no route at all everybody is told so. A server with a route that does not say
 * what it takes does not start. Without `access` everybody may do everything.
 */
export function guardRoutes(app: FastifyInstance, access: HttpAccess | undefined, rates: HttpRates): void {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => void routes.push(route))
  app.addHook('onReady', (done) => {
    const open = routes.find(({ config }) => config?.access === undefined)
    done(open && new Error(`the route ${String(open.method)} ${open.url} does not say who may use it`))
  })
  app.decorateRequest('principal', null as unknown as Principal)
  app.decorateRequest('bodySha256', null)
  app.decorateRequest('isOverFailures', function () {
    return rates.isOverFailures(this)
  })
  app.addHook('onRequest', (request, _reply, done) => {
    const right = request.routeOptions.config.access ?? 'public'
    try {
      rates.admitAddress(request)
      const { principal, bodySha256 = null } = identify(request, right, access)
      rates.admitKey(principal)
      if (!isAllowed(principal, right)) throw new AppError('ACCESS_DENIED', denial(principal, right))
      request.principal = principal
      request.bodySha256 = bodySha256
      done()
    } catch (error) {
      done(error as Error)
    }
  })
}

function identify(
  request: FastifyRequest,
  right: Right,
  access: HttpAccess | undefined,
): ReturnType<HttpAccess['identify']> {
  if (!access) return { principal: OPEN_PRINCIPAL }
  const { method, url, headers, rawHeaders } = request.raw
  try {
    return access.identify({ method: method ?? '', url: url ?? '', headers, rawHeaders, address: request.ip })
  } catch (error) {
    if (right === 'public' && error instanceof AppError) return { principal: NOBODY }
    throw error
  }
}

function denial({ role, filter }: Principal, right: Right): { detail: string; hint: string } {
  if (right === 'figures' && role === 'read' && filter !== '') {
    return {
      detail: 'This is about everything on the server, and the key reads only what its filter lets through.',
      hint: 'Use a key with role read and no filter, or an admin key.',
    }
  }
  const needed = right === 'figures' ? 'read' : right
  return {
    detail: `This takes the role ${needed}; the key has the role ${role}.`,
    hint: `Make one with: tailrace keys create --role ${needed}`,
  }
}

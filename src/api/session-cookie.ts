/** The cookie of a session (RFC 6265bis). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../core/errors.ts'

const NAME = 'tailrace_session'

/** With the prefix a browser takes the cookie from this very host over TLS only. */
function nameAndFlags({ protocol }: Pick<FastifyRequest, 'protocol'>): [name: string, flags: string] {
  const flags = 'Path=/; HttpOnly; SameSite=Strict'
  return protocol === 'https' ? [`__Host-${NAME}`, `${flags}; Secure`] : [NAME, flags]
}

/** `expires`: RFC 3339. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, value: string, expires: string): void {
  const [name, flags] = nameAndFlags(request)
  reply.header('set-cookie', `${name}=${value}; ${flags}; Expires=${new Date(expires).toUTCString()}`)
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  const [name, flags] = nameAndFlags(request)
  reply.header('set-cookie', `${name}=; ${flags}; Max-Age=0`)
}

/**
 * A page of somebody else must neither log a browser in nor out. Throws ORIGIN_REFUSED by Fetch Metadata, which pages
 * cannot set, else by `Origin`. Programs send neither.
 */
export function assertOwnPage({ headers, host }: Pick<FastifyRequest, 'headers' | 'host'>): void {
  const { origin, 'sec-fetch-site': site } = headers
  if (site === 'same-origin' || site === 'none') return
  if (site === undefined && (origin === undefined || hostOf(origin) === host.toLowerCase())) return
  throw new AppError('ORIGIN_REFUSED', {
    detail: 'Only a page of this server may log in and out here.',
    hint: 'A proxy has to pass on the Host header as it is.',
  })
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase()
}

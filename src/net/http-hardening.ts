import type { FastifyInstance, FastifyReply } from 'fastify'

/**
 * What every answer tells a browser: trust the content type, show this in no frame, give it to no other origin, load
 * nothing because of it. A route with a page of its own sets a policy of its own (`content-security-policy`).
 */
export const HARDENING_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** One year, in seconds (RFC 6797). Only for this host: what else is served in its domain is not known here. */
const STRICT_TRANSPORT = 'max-age=31536000'

/** Sets the headers; for answers that the hooks do not see as well. */
export type Harden = (reply: FastifyReply) => void

/**
 * Sets the headers before anything else happens to a request, so that refusals bear them too. `strictTransport` asks
 * browsers to come by HTTPS only for a year: for certificates that they trust.
 */
export function hardenAnswers(app: FastifyInstance, { strictTransport }: { strictTransport: boolean }): Harden {
  const headers = strictTransport
    ? { ...HARDENING_HEADERS, 'strict-transport-security': STRICT_TRANSPORT }
    : HARDENING_HEADERS
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
  return (reply) => void reply.headers(headers)
}

import type { FastifyReply, FastifyRequest } from 'fastify'

/** Sent by a browser for somebody who looks at it, and wants to be shown a page. */
export function wantsPage({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return (headers.accept ?? '').includes('text/html')
}

/**
 * For hooks before an answer leaves: a refusal for want of a valid key becomes the way to a page. Until then it is an
 * error like others, since those are counted. Returns the body to send.
 */
export function showInstead(reply: FastifyReply, location: string): string {
  reply.removeHeader('content-type').removeHeader('www-authenticate')
  reply.code(303).header('location', location)
  return ''
}

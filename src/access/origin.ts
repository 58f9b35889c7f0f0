import { AppError } from '../core/errors.ts'
import type { RequestHead } from './access.ts'

/**
 * A browser sends cookies with requests that other pages start, too. Throws ORIGIN_REFUSED unless this one comes from
 * our own page: by Fetch Metadata (`Sec-Fetch-Site`) and `Origin` (RFC 6454 §7), one of which has to vouch for every
 * request that is not plain reading.
 */
export function assertOwnPage({ method, headers }: Pick<RequestHead, 'method' | 'headers'>): void {
  const { origin, host, 'sec-fetch-site': site } = headers
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw refused('another site')
  if (origin !== undefined && !isHostOf(origin, host)) throw refused('a page of another origin')
  const isReading = method === 'GET' || method === 'HEAD'
  if (isReading || origin !== undefined || site === 'same-origin') return
  throw refused('a page that is not known')
}

function isHostOf(origin: unknown, host: unknown): boolean {
  if (typeof origin !== 'string' || typeof host !== 'string') return false
  const shown = parseUrl(origin)
  if (shown === undefined || (shown.protocol !== 'http:' && shown.protocol !== 'https:')) return false
  // Read with the origin's scheme, so that its default port means the same on both sides.
  return parseUrl(`${shown.protocol}//${host}`)?.host === shown.host
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function refused(who: string): AppError {
  return new AppError('ORIGIN_REFUSED', {
    detail: `This session belongs to the server's own page, and the request came from ${who}.`,
    hint: 'Programs send the key itself: Authorization: Bearer <key>. A proxy has to pass on the Host header as it is.',
  })
}

import type { FastifyRequest } from 'fastify'

/** Of an address in a log. */
const URL_CHARS_MAX = 1000
/** Parameters that are called, or end, like this. */
const SECRET_NAME = /(?:key|token|passw(?:or)?d|secret|signature|session)(?:\[.*\])?$/i
const HIDDEN = '***'

/** What our own log says about a request: never a header, never the value of a parameter that may be secret. */
export function loggedRequest({ id, method, url }: Pick<FastifyRequest, 'id' | 'method' | 'url'>): {
  requestId: string
  method: string
  url: string
} {
  return { requestId: id, method, url: loggedUrl(url) }
}

export function loggedUrl(url: string): string {
  const start = url.indexOf('?')
  const path = (start < 0 ? url : url.slice(0, start)).replace(/^(\w+:\/\/)[^/]*@/, `$1${HIDDEN}@`)
  const text = start < 0 ? path : path + url.slice(start).replaceAll(/([?&;])([^=&;]*)=([^&;]*)/g, hideValue)
  return text.length > URL_CHARS_MAX ? `${text.slice(0, URL_CHARS_MAX)}…` : text
}

function hideValue(pair: string, mark: string, name: string): string {
  return isSecret(name) ? `${mark}${name}=${HIDDEN}` : pair
}

function isSecret(name: string): boolean {
  try {
    return SECRET_NAME.test(decodeURIComponent(name.replaceAll('+', ' ')).trim())
  } catch {
    // Nobody can say what this was meant to be called.
    return true
  }
}

import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { AppError } from '../core/errors.ts'

/** By which names this server may be called, and by which pages. */
export interface HttpNames {
  /** Host names beside localhost and addresses; looked at while there are no keys. */
  hosts: readonly string[]
  /** Origins (`https://example.org`) of other pages that may use the server; `*` for all. */
  corsOrigins: readonly string[]
}

const CORS_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']
const CORS_HEADERS = [
  'Authorization',
  'Content-Type',
  'Content-Encoding',
  'Last-Event-ID',
  'X-Request-Id',
  'Tailrace-Key',
  'Tailrace-Timestamp',
  'Tailrace-Content-SHA256',
  'Tailrace-Signature',
]
const CORS_EXPOSED_HEADERS = ['Retry-After', 'X-Request-Id']
/** How long a browser may remember what a preflight told it. */
const CORS_SECONDS = 600
/** Of what somebody sent and an answer repeats. */
const SHOWN_CHARS_MAX = 200

/**
 * Pages in somebody's browser: only those of this server, and those that `corsOrigins` names, may use it. A browser can
 * be made to send requests from any page, with what it keeps for this server (a session) or without anything, which is
 * enough while there are no keys; a page whose own name was made to mean this address even reads the answers. So:
 *
 * - while `isOpen` the host of a request has to be an address, localhost, or a name out of `hosts`;
 * - a request from another page (Fetch Metadata, or `Origin`) has to show something that a browser does not send by
 *   itself, which it lets only pages of `corsOrigins` do (WHATWG Fetch, §3.3 CORS protocol).
 */
export function guardOrigins(app: FastifyInstance, isOpen: () => boolean, { hosts, corsOrigins }: HttpNames): void {
  const names = new Set(hosts.map((name) => name.toLowerCase()))
  const pages = new Set(corsOrigins)
  const isPage = (origin: string): boolean => pages.has('*') || pages.has(origin)
  app.addHook('onRequest', ({ headers: { host } }, _reply, done) => {
    done(host === undefined || !isOpen() || isKnownHost(host, names) ? undefined : hostProblem(host))
  })
  if (pages.size > 0) answerPages(app, (origin) => isPage(origin) && (pages.has('*') ? '*' : origin))
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request
    if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return done()
    const isRefused = isForeign(request, names) && !isPage(headers.origin ?? '') && !showsKey(headers)
    done(isRefused ? foreignProblem(headers.origin) : undefined)
  })
}

/** Answers preflights of these pages, without a key, and allows them to read answers. Never with cookies. */
function answerPages(app: FastifyInstance, allowed: (origin: string) => string | false): void {
  app.addHook('onRoute', (route) => {
    if (route.method === 'OPTIONS' && route.url === '*') route.config = { ...route.config, access: 'public' }
  })
  // Called here and now, not registered: its hook has to come between those around it.
  cors(
    app,
    {
      origin: (origin, found) => found(null, origin === undefined ? false : allowed(origin)),
      methods: CORS_METHODS,
      allowedHeaders: CORS_HEADERS,
      exposedHeaders: CORS_EXPOSED_HEADERS,
      maxAge: CORS_SECONDS,
      credentials: false,
      strictPreflight: false,
    },
    (error) => {
      if (error) throw error
    },
  )
}

const HOST = /^(?:\[([\da-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i

/** Whether a Host header names this server by an address, as localhost, or by one of these names. */
export function isOwnHost(host: string, names: readonly string[]): boolean {
  return isKnownHost(host, new Set(names.map((name) => name.toLowerCase())))
}

function isKnownHost(host: string, names: Set<string>): boolean {
  const [, address, text = ''] = HOST.exec(host) ?? []
  if (address !== undefined) return isIP(address) === 6
  const name = text.toLowerCase()
  return isIP(name) === 4 || name === 'localhost' || name.endsWith('.localhost') || names.has(name)
}

/** Whether a browser sent this for a page that is not of this server. Browsers without Fetch Metadata say less. */
function isForeign({ headers, host }: FastifyRequest, names: Set<string>): boolean {
  const { origin, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
  // Pages cannot set these headers; a proxy that changes the host name does not change them.
  if (site === 'same-origin' || site === 'none') return false
  if (origin === undefined) return site === 'cross-site' && mode !== 'navigate'
  const from = /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase()
  return from === undefined || (from !== host.toLowerCase() && !names.has(from.replace(/:\d+$/, '')))
}

/** Something that a browser sends only when a page tells it to, and only if the server allows the page to. */
function showsKey({ authorization, 'tailrace-signature': signature }: IncomingHttpHeaders): boolean {
  return signature !== undefined || (authorization !== undefined && !/^basic /i.test(authorization))
}

function hostProblem(host: string): AppError {
  return new AppError('ORIGIN_REFUSED', {
    detail: `this server does not know the host name ${shown(host)}`,
    hint: 'Add it to http.hosts, or make a key: tailrace keys create --role admin',
  })
}

function foreignProblem(origin: string | undefined): AppError {
  return new AppError('ORIGIN_REFUSED', {
    detail:
      origin === undefined ? 'another page asked for this' : `this is not a page of this server: ${shown(origin)}`,
    hint: 'Pages that may use this server are named in http.corsOrigins, its own names in http.hosts.',
  })
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text)
}

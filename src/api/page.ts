import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiContext } from './context.ts'
import { textResponse, type ApiServer } from './schemas.ts'

/** Ways in which a file of the page is kept. Where one does not exist it holds the plain content. */
export interface PageFile {
  type: string
  etag: string
  identity: Buffer
  gzip: Buffer
  br: Buffer
}

/** Path below the page's folder → file. `index.html` is the shell; the names of all others bear a hash. */
export type PageFiles = ReadonlyMap<string, PageFile>

export const SHELL = 'index.html'

/**
 * Scripts, styles and pictures of this server and nothing else: none inline, none out of text. What a log line holds
 * can never become markup either, as nothing may be assigned to `innerHTML`.
 */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const YEAR_SECONDS = 31_536_000

/** The page at `/view/…`, and its files. They are public: what they show is asked for with the reader's own rights. */
export function registerPage(app: ApiServer, { page }: Pick<ApiContext, 'page'>): void {
  const config = { access: 'public' } as const
  for (const [path, file] of page) {
    if (path === SHELL) continue
    app.get(`/${path}`, { config, schema: { hide: true } }, (request, reply) =>
      sendFile(request, reply, file, `public, max-age=${YEAR_SECONDS}, immutable`),
    )
  }
  const shell = page.get(SHELL)
  if (!shell) return
  app.get(
    '/view/*',
    {
      config,
      schema: {
        tags: ['server'],
        summary: 'The page, for a browser',
        description: 'The same at every such address; the page itself knows which view is meant.',
        response: { 200: textResponse('The page', 'text/html') },
      },
    },
    (request, reply) => sendShell(request, reply, shell),
  )
}

/** Asked for anew each time, so that a new version of the server is seen at once. */
export function sendShell(request: FastifyRequest, reply: FastifyReply, shell: PageFile): FastifyReply {
  return sendFile(
    request,
    // What the page sends has to tell where it comes from.
    reply.headers({ 'content-security-policy': PAGE_POLICY, 'referrer-policy': 'same-origin' }),
    shell,
    'no-cache',
  )
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: PageFile, caching: string): FastifyReply {
  const encoding = bestEncoding(request.headers['accept-encoding'])
  const etag = encoding === 'identity' ? file.etag : `${file.etag.slice(0, -1)}-${encoding}"`
  reply.headers({ 'cache-control': caching, etag, vary: 'accept, accept-encoding' })
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  if (encoding !== 'identity') reply.header('content-encoding', encoding)
  return reply.type(file.type).send(file[encoding])
}

/** Of those that the page is kept in; without an Accept-Encoding header, and where it says `q=0`, none is. */
function bestEncoding(header: string | string[] | undefined): 'identity' | 'gzip' | 'br' {
  const accepted = new Set(
    String(header ?? '')
      .split(',')
      .map((part) => part.trim().toLowerCase())
      .filter((part) => !/;\s*q=0(?:\.0*)?$/.test(part))
      .map((part) => part.split(';', 1)[0]?.trim()),
  )
  if (accepted.has('br')) return 'br'
  return accepted.has('gzip') ? 'gzip' : 'identity'
}

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AppError } from '../../core/errors.ts'
import type { ListedStream } from './listing.ts'

/** Scripts and styles from this server alone, and nothing that stands in the page itself. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  'cache-control': 'no-store',
}

const ASSETS = '/stream-page'
const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' } as const
/** Beside the program that was built; from the source, what was built before. */
const FOLDERS = ['../../stream-page/', '../../../dist/stream-page/'].map((path) => new URL(path, import.meta.url))

/** Sent by a browser for somebody who looks at it. */
export function wantsPage({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return (headers.accept ?? '').includes('text/html')
}

/** The page reads the stream itself: it stands at the stream's own address. */
export function streamPage(name: string): string {
  const assets = `<link rel="stylesheet" href="${ASSETS}/page.css"><script type="module" src="${ASSETS}/page.js"></script>`
  return page(
    `${name} · Tailrace`,
    assets,
    '<main id="page"><noscript>This page needs JavaScript; the bytes are at <a href="?plain=true">?plain=true</a>.</noscript></main>',
  )
}

export function listPage(
  { streams, cursor }: { streams: readonly ListedStream[]; cursor: string | null },
  prefix = '',
): string {
  const rows = streams.map(
    ({ name, state, size, started, readers, url }) =>
      `<tr><td class="state ${state}">${state}</td><td><a href="${url}">${escapeHtml(name)}</a></td>` +
      `<td class="number">${size.toLocaleString('en-US')}</td><td>${started.slice(0, 19).replace('T', ' ')}</td>` +
      `<td class="number">${readers}</td></tr>`,
  )
  const more = new URLSearchParams({ ...(prefix && { prefix }), cursor: cursor ?? '' }).toString()
  const content = `<main class="list"><h1>Streams</h1>
${streams.length === 0 ? '<p>There is none yet. <code>make 2&gt;&amp;1 | tailrace stream ci/build-42</code> begins one.</p>' : ''}
<table><thead><tr><th>State</th><th>Name</th><th class="number">Bytes</th><th>Started (UTC)</th><th class="number">Readers</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>
${cursor === null ? '' : `<p><a href="?${escapeHtml(more)}">older</a></p>`}</main>`
  return page('Streams · Tailrace', `<link rel="stylesheet" href="${ASSETS}/page.css">`, content)
}

function page(title: string, head: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>${head}</head><body>${body}</body></html>
`
}

/** Files of the page. They bear nothing of any stream. */
export function registerAssets(app: FastifyInstance): void {
  app.get<{ Params: { file: string } }>(
    `${ASSETS}/:file`,
    { config: { access: 'public' }, schema: { hide: true } },
    ({ params: { file } }, reply) => {
      const [, kind] = /^[a-z][a-z-]*\.(js|css)$/.exec(file) ?? []
      const path = FOLDERS.map((folder) => fileURLToPath(new URL(file, folder))).find((candidate) =>
        existsSync(candidate),
      )
      if (path === undefined || (kind !== 'js' && kind !== 'css')) throw new AppError('NOT_FOUND')
      return reply.type(TYPES[kind]).header('cache-control', 'no-cache').send(readFileSync(path, 'utf8'))
    },
  )
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

import type { ApiContext } from './context.ts'
import { textResponse, type ApiServer } from './schemas.ts'

/** `/`: says what answers here and how to use it, for a person who opened the address in a browser or with curl. */
export function registerLanding(app: ApiServer, context: ApiContext): void {
  app.get(
    '/',
    {
      config: { access: 'public' },
      schema: {
        tags: ['server'],
        summary: 'What this server is',
        response: { 200: textResponse('A short text', 'text/html') },
      },
    },
    (request, reply) => {
      const url = `${request.protocol}://${request.host}`
      const wantsHtml = (request.headers.accept ?? '').includes('text/html')
      if (!wantsHtml) return reply.type('text/plain; charset=utf-8').send(plainText(context.version, url))
      return reply
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .type('text/html; charset=utf-8')
        .send(htmlPage(context.version, url))
    },
  )
}

const COMMANDS = (url: string): readonly (readonly [does: string, command: string])[] => [
  ['send', `cat app.log | tailrace send --service app --url ${url}`],
  ['send', `curl ${url}/api/v1/ingest -H 'content-type: application/x-ndjson' --data-binary @app.ndjson`],
  ['tail', `tailrace tail 'level:>=warn' --url ${url}`],
  ['tail', `curl -N '${url}/api/v1/tail?query=level:>=warn'`],
  ['query', `tailrace query 'level:>=warn | stats count() n by service' --since 1h --url ${url}`],
  ['query', `curl '${url}/api/v1/query?query=timeout&start=-1h&format=ndjson'`],
]

const ADDRESSES: readonly (readonly [path: string, says: string])[] = [
  ['/docs', 'every address of this server, with its parameters'],
  ['/api/v1/status', 'what the server is doing'],
  ['/metrics', 'figures for Prometheus'],
  ['/readyz', 'whether it can do all of its work'],
]

function plainText(version: string, url: string): string {
  const commands = COMMANDS(url).map(([does, command]) => `  ${does.padEnd(6)} ${command}`)
  const addresses = ADDRESSES.map(([path, says]) => `  ${(url + path).padEnd(url.length + 16)} ${says}`)
  return [`Tailrace ${version}, a log server.`, '', ...commands, '', ...addresses, ''].join('\n')
}

function htmlPage(version: string, url: string): string {
  const commands = COMMANDS(url).map(
    ([does, command]) => `<dt>${does}</dt><dd><code>${escapeHtml(command)}</code></dd>`,
  )
  const addresses = ADDRESSES.map(([path, says]) => `<li><a href="${path}">${path}</a>: ${says}</li>`)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tailrace</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
dt { font-weight: 600 } dd { margin: 0 0 .5rem; overflow-x: auto } code { white-space: pre }
</style></head>
<body><h1>Tailrace ${escapeHtml(version)}</h1>
<p>A log server: pipe anything in, watch it live, find it next month.</p>
<dl>${commands.join('\n')}</dl>
<ul>${addresses.join('\n')}</ul>
</body></html>
`
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

import { createHash } from 'node:crypto'
import type { Principal } from '../core/principal.ts'
import { SESSION_END_URL, SESSION_URL } from './session-routes.ts'

export interface Landing {
  version: string
  /** Of the server, as it was asked for. */
  url: string
  principal: Principal
  /** A key was shown just now and is not valid. */
  isRefused: boolean
}

const STYLE = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
dt { font-weight: 600 } dd { margin: 0 0 .5rem; overflow-x: auto } code { white-space: pre }
form { margin: 1rem 0 } input { font: inherit; width: 30rem; max-width: 100% } button { font: inherit }
`

/** This style and nothing else: no script, no image, nothing from elsewhere, no frame around it. */
export const PAGE_POLICY =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

type Rows = readonly (readonly [name: string, text: string])[]

function commands({ url, principal }: Landing): Rows {
  const key = principal.by === 'open' ? '' : '-H "authorization: Bearer $TAILRACE_KEY" '
  return [
    ['send', `cat app.log | tailrace send --service app --url ${url}`],
    ['send', `curl ${key}${url}/api/v1/ingest -H 'content-type: application/x-ndjson' --data-binary @app.ndjson`],
    ['tail', `tailrace tail 'level:>=warn' --url ${url}`],
    ['tail', `curl -N ${key}'${url}/api/v1/tail?query=level:>=warn'`],
    ['query', `tailrace query 'level:>=warn | stats count() n by service' --since 1h --url ${url}`],
    ['query', `curl ${key}'${url}/api/v1/query?query=timeout&start=-1h&format=ndjson'`],
  ]
}

const ADDRESSES = [
  { path: '/docs', says: 'every address of this server, with its parameters', isPublic: false },
  { path: '/api/v1/status', says: 'what the server is doing', isPublic: false },
  { path: '/metrics', says: 'figures for Prometheus', isPublic: false },
  { path: '/readyz', says: 'whether it can do all of its work', isPublic: true },
] as const

const NEEDS_KEY = 'This server asks for a key.'
const HOW_TO_GET_ONE = 'Whoever runs it makes one with'
const MAKE_KEY = 'tailrace keys create --role read'

export function landingText(landing: Landing): string {
  const { url, principal } = landing
  const rows = commands(landing).map(([does, command]) => `  ${does.padEnd(6)} ${command}`)
  const isStranger = principal.by === 'nobody'
  const addresses = ADDRESSES.map(({ path, says, isPublic }) => {
    const need = isStranger && !isPublic ? ' (with a key)' : ''
    return `  ${(url + path).padEnd(url.length + 16)} ${says}${need}`
  })
  const who = isStranger
    ? [`${NEEDS_KEY} ${HOW_TO_GET_ONE}: ${MAKE_KEY}`, 'The commands take it from the variable TAILRACE_KEY.', '']
    : []
  return [`${titleOf(landing)}, a log server.`, '', ...who, ...rows, '', ...addresses, ''].join('\n')
}

/** Strangers are not told the version. */
function titleOf({ version, principal }: Landing): string {
  return principal.by === 'nobody' ? 'Tailrace' : `Tailrace ${version}`
}

export function landingPage(landing: Landing): string {
  const rows = commands(landing).map(
    ([does, command]) => `<dt>${does}</dt><dd><code>${escapeHtml(command)}</code></dd>`,
  )
  const addresses = ADDRESSES.map(({ path, says }) => `<li><a href="${path}">${path}</a>: ${says}</li>`)
  const isStranger = landing.principal.by === 'nobody'
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tailrace</title>
<style>${STYLE}</style></head>
<body><h1>${escapeHtml(titleOf(landing))}</h1>
<p>A log server: pipe anything in, watch it live, find it next month.</p>
${isStranger ? loginForm(landing) : whoIsIn(landing)}
<dl>${rows.join('\n')}</dl>
${isStranger ? '' : `<ul>${addresses.join('\n')}</ul>`}
</body></html>
`
}

function loginForm({ isRefused }: Landing): string {
  return `<form method="post" action="${SESSION_URL}">
<p>${isRefused ? '<strong>This key is not valid.</strong> ' : ''}${NEEDS_KEY}</p>
<label>Key <input name="key" type="password" required autofocus autocomplete="current-password"></label>
<button>Log in</button>
</form>
<p>${HOW_TO_GET_ONE} <code>${MAKE_KEY}</code>. What answers here is documented at <a href="/docs">/docs</a>, once you are
logged in.</p>`
}

function whoIsIn({ principal: { by, name, keyId, role, filter } }: Landing): string {
  if (by === 'open') return ''
  const reads = filter === '' ? '' : `, reads what matches <code>${escapeHtml(filter)}</code>`
  const who = `<p><strong>${escapeHtml(name === '' ? keyId : name)}</strong>, role ${role}${reads}</p>`
  if (by !== 'session') return who
  return `<form method="post" action="${SESSION_END_URL}">${who}<button>Log out</button></form>`
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

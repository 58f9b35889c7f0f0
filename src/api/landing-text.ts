import type { Principal } from '../core/principal.ts'

export interface Landing {
  version: string
  /** Of the server, as it was asked for. */
  url: string
  principal: Principal
}

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
  { path: '/', says: 'the page, in a browser', isPublic: true },
  { path: '/docs', says: 'every address of this server, with its parameters', isPublic: false },
  { path: '/api/v1/status', says: 'what the server is doing', isPublic: false },
  { path: '/metrics', says: 'figures for Prometheus', isPublic: false },
  { path: '/readyz', says: 'whether it can do all of its work', isPublic: true },
] as const

/** For curl and whoever else does not ask for a page. Strangers are not told the version. */
export function landingText(landing: Landing): string {
  const { url, principal, version } = landing
  const rows = commands(landing).map(([does, command]) => `  ${does.padEnd(6)} ${command}`)
  const isStranger = principal.by === 'nobody'
  const addresses = ADDRESSES.map(({ path, says, isPublic }) => {
    const need = isStranger && !isPublic ? ' (with a key)' : ''
    return `  ${(url + path).padEnd(url.length + 16)} ${says}${need}`
  })
  const who = isStranger
    ? [
        'This server asks for a key. Whoever runs it makes one with: tailrace keys create --role read',
        'The commands take it from the variable TAILRACE_KEY.',
        '',
      ]
    : []
  const title = isStranger ? 'Tailrace' : `Tailrace ${version}`
  return [`${title}, a log server.`, '', ...who, ...rows, '', ...addresses, ''].join('\n')
}

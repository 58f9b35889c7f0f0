import type { LogdLevel, LogdMethod, LogdQuery } from '../../client/logd/logd.ts'
import { didYouMean } from '../../core/suggest.ts'
import { UsageError } from '../command.ts'

export type UdpFilter = Pick<LogdQuery, 'keyPrefix' | 'level' | 'text' | 'httpMethod' | 'url' | 'responseStatus'>

/** A tail takes a lowest level, a query one level: so it is with logd. */
export type UdpQuestion = 'tail' | 'query'

const TOKEN = /\s*(?:([\w.]+):)?("(?:[^"\\]|\\.)*"|[^\s"]+)(?!\S)/y
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const

type Reader = (value: string, question: UdpQuestion) => UdpFilter

const FIELDS: Readonly<Record<string, Reader>> = {
  service: (value) => ({ keyPrefix: beginning('service', value) }),
  level: (value, question) => ({ level: levelOf(value, question) }),
  message: (value) => ({ text: textOf(value) }),
  method: (value) => ({ httpMethod: methodOf(value) }),
  'http.request.method': (value) => ({ httpMethod: methodOf(value) }),
  url: (value) => ({ url: beginning('url', value) }),
  'url.full': (value) => ({ url: beginning('url.full', value) }),
  status: (value) => ({ responseStatus: statusOf(value) }),
  'http.response.status_code': (value) => ({ responseStatus: statusOf(value) }),
}
const SHORT_FIELDS = ['service', 'level', 'message', 'method', 'url', 'status']

/**
 * As much of the query language as logd's protocol has words for: one text, `service:/key/*`, `level:…`, `method:GET`,
 * `url:/path/*`, `status:500`, all of which have to hold. Throws UsageError, which says why, for everything else.
 */
export function udpFilter(query: string, question: UdpQuestion): UdpFilter {
  const filter: UdpFilter = {}
  TOKEN.lastIndex = 0
  for (let at = 0; query.slice(at).trim() !== ''; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(query)
    if (!match) throw refusal(query.slice(at).trim(), 'a quotation mark is left open')
    const [whole, field, value = ''] = match
    const more = read(whole.trim(), field, value, question)
    for (const name of Object.keys(more)) {
      if (name in filter) throw refusal(whole.trim(), `it takes one ${name === 'text' ? 'text' : field} only`)
    }
    Object.assign(filter, more)
  }
  return filter
}

function read(token: string, field: string | undefined, value: string, question: UdpQuestion): UdpFilter {
  if (field === undefined) {
    if (value === '*' || value === 'AND') return {}
    refuseOperators(token, value)
    return { text: textOf(value) }
  }
  const reader = FIELDS[field]
  if (reader) return reader(value, question)
  throw refusal(
    token,
    `it has no field ${field}${didYouMean(field, SHORT_FIELDS)}`,
    `It has ${SHORT_FIELDS.join(', ')}`,
  )
}

function refuseOperators(token: string, value: string): void {
  if (/^(?:OR|NOT)$/.test(value) || /^-./.test(value)) throw refusal(token, 'it has neither OR nor NOT')
  if (/^[(|]|^[)]|\)$/.test(value)) throw refusal(token, 'it has neither groups nor pipes')
  if (value.startsWith('/')) throw refusal(token, 'it has no regular expressions')
}

function refusal(token: string, why: string, hint?: string): UsageError {
  return new UsageError(
    `logd's protocol cannot ask for ${token}: ${why}`,
    hint ?? 'Without --udp everything can be asked',
  )
}

function textOf(value: string): string {
  const text = unquote(value)
  if (!value.startsWith('"') && text.includes('*')) throw refusal(value, 'a text has no wildcards')
  return text
}

/** Keys and URLs are found by what they begin with, and by nothing else. */
function beginning(field: string, value: string): string {
  const text = unquote(value)
  const prefix = text.endsWith('*') ? text.slice(0, -1) : undefined
  if (prefix !== undefined && !prefix.includes('*') && !/^[<>=]/.test(prefix)) return prefix
  const hint = `Such as ${field}:${text.replaceAll('*', '').replace(/^[<>=]+/, '')}*`
  throw refusal(`${field}:${value}`, 'it finds them by what they begin with', hint)
}

function levelOf(value: string, question: UdpQuestion): LogdLevel {
  const [, operator, name = ''] = /^(>=)?([a-z]+)$/.exec(unquote(value)) ?? []
  const level = LEVELS.find((known) => known === name)
  if (!level) throw refusal(`level:${value}`, `its levels are ${LEVELS.join(', ')}`)
  const isLeast = operator !== undefined
  if (question === 'tail' && !isLeast && level !== 'fatal') {
    throw refusal(`level:${value}`, 'a tail takes a lowest level', `Such as level:>=${level}`)
  }
  if (question === 'query' && isLeast && level !== 'fatal') {
    throw refusal(`level:${value}`, 'a query takes one level', `Such as level:${level}`)
  }
  return level
}

function methodOf(value: string): LogdMethod {
  const method = METHODS.find((known) => known === unquote(value).toUpperCase())
  if (method) return method
  throw refusal(`method:${value}`, `its methods are ${METHODS.join(', ')}`)
}

function statusOf(value: string): number {
  const text = unquote(value)
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw refusal(`status:${value}`, 'it takes one number')
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value
}

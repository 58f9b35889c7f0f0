import type { EventView } from '../../core/batch.ts'
import { ATTRIBUTE, levelNumber } from '../../wire/logd/event.ts'
import { CONTROL_KEY, LEVELS } from '../../wire/logd/fields.ts'
import type { LogdQuery } from '../../wire/logd/message.ts'

export type EventFilter = (event: EventView) => boolean

/**
 * What a QUERY or a TAIL asks for, as a check of one event; `mayRead` is what its sender may see at all. The level is
 * that very one in a query and the lowest in a tail, as with the original; a level or method of `unknown` does not filter.
 * Offset and limit are no filters.
 */
export function eventFilter(query: LogdQuery, level: 'exact' | 'least', mayRead: EventFilter | undefined): EventFilter {
  const checks: EventFilter[] = [...plainChecks(query, level), ...textChecks(query)]
  if (mayRead) checks.push(mayRead)
  return (event) => {
    for (const check of checks) if (!check(event)) return false
    return true
  }
}

/** Cheap ones, which look at numbers. */
function plainChecks({ level, startNs, endNs }: LogdQuery, kind: 'exact' | 'least'): EventFilter[] {
  const checks: EventFilter[] = []
  if (level !== undefined && level !== 'unknown') {
    const wanted = LEVELS.indexOf(level)
    if (kind === 'exact') checks.push((event) => levelNumber(event.severity) === wanted)
    else checks.push((event) => levelNumber(event.severity) >= wanted)
  }
  if (startNs !== undefined) checks.push((event) => event.timestampNs >= startNs)
  if (endNs !== undefined) checks.push((event) => event.timestampNs <= endNs)
  return checks
}

function textChecks({ keyPrefix = '', text, httpMethod, url, responseStatus }: LogdQuery): EventFilter[] {
  // A service that bears the key of the server's own words must not be taken for them.
  const checks: EventFilter[] = [
    (event) => {
      const key = event.text('service')
      return key.startsWith(keyPrefix) && key !== CONTROL_KEY
    },
  ]
  if (text !== undefined && text !== '') {
    const wanted = text.toLowerCase()
    checks.push((event) => event.text('message').toLowerCase().includes(wanted))
  }
  if (httpMethod !== undefined && httpMethod !== 'METHOD_UNKNOWN') {
    checks.push((event) => event.attribute(ATTRIBUTE.httpMethod)?.toUpperCase() === httpMethod)
  }
  if (url !== undefined && url !== '') checks.push((event) => event.attribute(ATTRIBUTE.url)?.startsWith(url) === true)
  if (responseStatus !== undefined) {
    const wanted = String(responseStatus)
    checks.push((event) => event.attribute(ATTRIBUTE.responseStatus) === wanted)
  }
  return checks
}

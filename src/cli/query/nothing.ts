import type { HttpClient, QueryOptions } from '../../client/http-client.ts'
import { ServerProblem } from '../../client/failures.ts'
import { didYouMean } from '../../core/suggest.ts'
import { NS_PER_SECOND, formatDuration, parseTimestamp } from '../../core/time.ts'
import type { ClockFace } from '../terminal/clock-face.ts'

/** A sentence, not escaped, for a query without results: whether there is anything at all, and how far away. */
export async function describeNothing(client: HttpClient, question: QueryOptions, clock: ClockFace): Promise<string> {
  const hasRange = question.start !== undefined || question.end !== undefined
  if (hasRange) {
    const { start: _start, end: _end, ...anytime } = question
    const match = await newest(client, anytime)
    if (match) return `Nothing in this time. The newest match is ${match.at(clock)}.`
  }
  const event = await newest(client, {})
  const filter = await filterOf(client)
  if (event) {
    const which = filter === '' ? 'of all' : 'that may be read here'
    const meant = await misspelled(client, question.query ?? '')
    return `Nothing matches. ${meant}The newest event ${which} is ${event.at(clock)}, service ${event.service || '-'}.`
  }
  if (filter === undefined) return 'There are no events that may be read here.'
  if (filter !== '') return `There are no events that this key may read: it reads what matches ${filter}`
  return 'The server has no events yet. `tailrace demo` sends some, `tailrace send` takes yours.'
}

const NAMES_MAX = 1000
/** Fields that have another name, or are in no list of names. */
const OTHER_NAMES = ['facility', 'key', 'file', 'msg', 'severity', 'time', 'timestamp', 'received', 'node', 'id']
/** Read roughly: what stands before a colon, outside of quotes and of what follows a pipe. */
const QUOTED = /"(?:[^"\\]|\\.)*"|\/(?:[^/\\]|\\.)*\//g
const FIELD = /(?<![^\s(!-])([\w.@-]+):/g

/** A sentence about a field that the query names, if it is likely that another one is meant. */
async function misspelled(client: HttpClient, query: string): Promise<string> {
  const [filter = ''] = query.replaceAll(QUOTED, ' ').split('|', 1)
  const named = [...filter.matchAll(FIELD)].flatMap(([, name = '']) => (OTHER_NAMES.includes(name) ? [] : [name]))
  if (named.length === 0) return ''
  const known = await client.fieldNames(NAMES_MAX).catch((error: unknown): readonly string[] => {
    // A hint is no reason to fail.
    if (error instanceof ServerProblem) return []
    throw error
  })
  for (const name of named) {
    const meant = known.includes(name) ? '' : didYouMean(name, known)
    if (meant !== '') return `No frequent field is called ${name}${meant} `
  }
  return ''
}

/** What the key may read; empty: everything. `undefined` where the server does not tell. */
async function filterOf(client: HttpClient): Promise<string | undefined> {
  try {
    const { open, filter } = await client.who()
    return open ? '' : filter
  } catch (error) {
    if (error instanceof ServerProblem) return undefined
    throw error
  }
}

async function newest(client: HttpClient, question: QueryOptions) {
  const { events: [event] = [] } = await client.query({ ...question, limit: 1, order: 'desc' })
  const { timestamp, service = '' } = event ?? {}
  if (timestamp === undefined) return undefined
  return { service, at: (clock: ClockFace) => `${age(timestamp)} old (${clock.full(timestamp)})` }
}

function age(timestamp: string): string {
  const ageNs = BigInt(Date.now()) * 1_000_000n - (parseTimestamp(timestamp) ?? 0n)
  return formatDuration((ageNs / NS_PER_SECOND) * NS_PER_SECOND)
}

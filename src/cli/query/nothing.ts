import type { HttpClient, QueryOptions } from '../../client/http-client.ts'
import { ServerProblem } from '../../client/failures.ts'
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
    return `Nothing matches. The newest event ${which} is ${event.at(clock)}, service ${event.service || '-'}.`
  }
  if (filter === undefined) return 'There are no events that may be read here.'
  if (filter !== '') return `There are no events that this key may read: it reads what matches ${filter}`
  return 'The server has no events yet. `tailrace demo` sends some, `tailrace send` takes yours.'
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

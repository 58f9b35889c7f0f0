import type { HttpClient, QueryOptions } from '../../client/http-client.ts'
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
  if (!event) return 'The server has no events yet. `tailrace demo` sends some, `tailrace send` takes yours.'
  return `Nothing matches. The newest event of all is ${event.at(clock)}, service ${event.service || '-'}.`
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

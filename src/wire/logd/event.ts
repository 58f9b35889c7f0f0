/** How logd's messages and stored events stand for each other: docs/sources/logd.md has the table. */
import type { EventView } from '../../core/batch.ts'
import { LEVELS, METHODS, type LogdLevel, type LogdMethod } from './fields.ts'
import type { LogdMessage } from './message.ts'

/** Attributes of events, with the names that OpenTelemetry gives them. */
export const ATTRIBUTE = {
  stackTrace: 'exception.stacktrace',
  httpMethod: 'http.request.method',
  url: 'url.full',
  responseStatus: 'http.response.status_code',
} as const

/** Severity numbers by number of the level: unknown, trace, debug, info, warn, error, fatal. */
export const SEVERITY_OF_LEVEL: readonly number[] = [0, 1, 5, 9, 13, 17, 21]

/** Number of the level of a severity: each has four of OpenTelemetry's numbers, so that `notice` is info. */
export function levelNumber(severity: number): number {
  return severity > 24 ? 0 : (severity + 3) >> 2
}

export function logdLevel(severity: number): LogdLevel {
  return LEVELS[levelNumber(severity)] ?? 'unknown'
}

/** An event as logd shows it. Attributes of other names have no place in it. */
export function messageOfEvent(event: EventView): LogdMessage {
  const { attributes } = event
  const stackTrace = attributes.get(ATTRIBUTE.stackTrace)
  const httpMethod = methodOf(attributes.get(ATTRIBUTE.httpMethod))
  const url = attributes.get(ATTRIBUTE.url)
  const responseStatus = statusOf(attributes.get(ATTRIBUTE.responseStatus))
  return {
    timeNs: event.timestampNs,
    level: logdLevel(event.severity),
    text: event.text('message'),
    key: event.text('service'),
    ...(stackTrace === undefined ? {} : { stackTrace }),
    ...(httpMethod === undefined ? {} : { httpMethod }),
    ...(url === undefined ? {} : { url }),
    ...(responseStatus === undefined ? {} : { responseStatus }),
  }
}

function methodOf(text: string | undefined): LogdMethod | undefined {
  return METHODS.find((method) => method === text?.toUpperCase())
}

function statusOf(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** How logd's messages and stored events stand for each other: docs/sources/logd.md has the table. */
import type { EventView } from '../../core/batch.ts'
import { FIELD, LEVELS, METHODS, type LogdLevel, type LogdMethod } from './fields.ts'
import { writeTime, type LogdMessage } from './message.ts'
import { ProtoWriter } from './protobuf.ts'

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

/** What a message takes beside its texts, at most. */
const OVERHEAD_BYTES = 96

/** The same as the bytes of `messageOfEvent`, without making texts of what only has to be copied. */
export function encodeEvent(event: EventView): Buffer {
  const fields = FIELD.message
  const key = event.textBytes('service')
  const text = event.textBytes('message')
  const writer = new ProtoWriter(OVERHEAD_BYTES + key.length + text.length)
  if (key.length > 0) writer.bytes(fields.key, key)
  const { attributes } = event
  if (attributes.size > 0) writeAttributes(writer, attributes)
  if (text.length > 0) writer.bytes(fields.text, text)
  const level = levelNumber(event.severity)
  if (level > 0) writer.integer(fields.level, level)
  writeTime(writer, fields.time, event.timestampNs)
  return writer.finish()
}

function writeAttributes(writer: ProtoWriter, attributes: ReadonlyMap<string, string>): void {
  const fields = FIELD.message
  const status = statusOf(attributes.get(ATTRIBUTE.responseStatus))
  const url = attributes.get(ATTRIBUTE.url)
  const method = methodOf(attributes.get(ATTRIBUTE.httpMethod))
  const stackTrace = attributes.get(ATTRIBUTE.stackTrace)
  if (status !== undefined) writer.integer(fields.responseStatus, status)
  if (url !== undefined) writer.text(fields.url, url)
  if (method !== undefined) writer.integer(fields.httpMethod, METHODS.indexOf(method))
  if (stackTrace !== undefined) writer.text(fields.stackTrace, stackTrace)
}

function methodOf(text: string | undefined): LogdMethod | undefined {
  return METHODS.find((method) => method === text?.toUpperCase())
}

function statusOf(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : undefined
}

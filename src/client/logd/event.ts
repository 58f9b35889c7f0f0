import type { EventJson } from '../../core/event.ts'
import { formatTimestamp } from '../../core/time.ts'
import { ATTRIBUTE } from '../../wire/logd/event.ts'
import type { LogdMessage } from '../../wire/logd/message.ts'

/** What of an event logd's messages have. */
export type ShownEvent = Pick<EventJson, 'level' | 'service' | 'message' | 'attributes'> &
  Partial<Pick<EventJson, 'timestamp'>>

/** A message as the API shows the event that it is stored as. */
export function eventOfMessage(message: LogdMessage): ShownEvent {
  const { timeNs, level, key, text, httpMethod, url, responseStatus, stackTrace } = message
  return {
    ...(timeNs === undefined ? {} : { timestamp: formatTimestamp(timeNs) }),
    level,
    service: key,
    message: text,
    attributes: {
      ...(httpMethod === undefined ? {} : { [ATTRIBUTE.httpMethod]: httpMethod }),
      ...(url === undefined ? {} : { [ATTRIBUTE.url]: url }),
      ...(responseStatus === undefined ? {} : { [ATTRIBUTE.responseStatus]: String(responseStatus) }),
      ...(stackTrace === undefined ? {} : { [ATTRIBUTE.stackTrace]: stackTrace }),
    },
  }
}

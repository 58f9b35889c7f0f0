import type { EventView } from '../../core/batch.ts'
import { encodeEvent, messageOfEvent } from '../../wire/logd/event.ts'
import { CONTROL_KEY } from '../../wire/logd/fields.ts'
import { encodeMessage, type LogdMessage } from '../../wire/logd/message.ts'

/** What a cut text loses beside: the mark, and a length that needs fewer bytes does not count. */
const MARK_BYTES_MAX = 32

/** An event as the datagram that shows it, no larger than `bytesMax`. */
export function eventAnswer(event: EventView, bytesMax: number): Buffer {
  const bytes = encodeEvent(event)
  return bytes.length <= bytesMax ? bytes : fittedMessage(messageOfEvent(event), bytesMax)
}

/** The server's own words. */
export function controlAnswer(text: string): Buffer {
  return encodeMessage({ level: 'unknown', text, key: CONTROL_KEY })
}

/** Cuts the longest texts until the message fits; each then ends with `… [n bytes cut]`. */
export function fittedMessage(message: LogdMessage, bytesMax: number): Buffer {
  let fitted = message
  let bytes = encodeMessage(fitted)
  const cuttable = (['text', 'stackTrace', 'url', 'key'] as const)
    .map((field) => ({ field, value: Buffer.from(message[field] ?? '') }))
    .toSorted((a, b) => b.value.length - a.value.length)
  for (const { field, value } of cuttable) {
    if (bytes.length <= bytesMax) break
    fitted = { ...fitted, [field]: cut(value, Math.max(0, value.length - (bytes.length - bytesMax) - MARK_BYTES_MAX)) }
    bytes = encodeMessage(fitted)
  }
  return bytes
}

/** The first bytes of a text, whole characters only, and how many are missing. */
function cut(text: Buffer, bytes: number): string {
  let end = bytes
  while (end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) end--
  return `${text.toString('utf8', 0, end)}… [${text.length - end} bytes cut]`
}

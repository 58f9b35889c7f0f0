/** What bounds one event on its way in. Each breach is a reject with its own reason, counted by that reason. */
export interface EventLimits {
  /** Longest line of NDJSON or element of a JSON array; a longer text line is cut, and says so. Bytes. */
  lineBytesMax: number
  /** Most fields of one event, nested ones included. */
  keysMax: number
  /** Longest name of a field after flattening, in bytes. */
  keyBytesMax: number
  /** How many levels of nested objects are flattened; what lies deeper is kept as JSON text. */
  depthMax: number
}

export const EVENT_LIMITS: EventLimits = {
  lineBytesMax: 1024 * 1024,
  keysMax: 1000,
  keyBytesMax: 1024,
  depthMax: 16,
}

/** Why a line was not taken, as it stands in the label of `ingest_rejected_total` and as a sentence for a person. */
export const REJECT_REASONS = {
  not_json: 'not valid JSON',
  not_object: 'a JSON event must be an object',
  line_too_long: 'longer than the limit for one event',
  too_many_keys: 'more fields than the limit for one event',
  key_too_long: 'a field name is longer than the limit',
  not_closed: 'the JSON array is not closed',
  not_text: 'has to be a text',
  not_separated: 'the JSON text is neither an array of events nor a single one',
} as const

export type RejectReason = keyof typeof REJECT_REASONS

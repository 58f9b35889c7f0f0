/** What the event log makes of the rows that the transcoder wrote: checked, told apart by an id, complete. */
import { type EventBatch, type EventView, NO_TIMESTAMP } from '../../core/batch.ts'
import type { LogEvent } from '../../core/event.ts'
import { SEVERITY_NUMBERS } from '../../core/severity.ts'
import { SKEW_ATTRIBUTE } from '../../core/sink.ts'
import { formatTimestamp, isTimeOutOfRange } from '../../core/time.ts'

/** Attribute that holds an event's id. */
export const ID_ATTRIBUTE = 'eventlog.id'
/** Attribute that keeps the sender's time where the server's counts. */
export const CLAIM_ATTRIBUTE = 'timestamp.claimed'

/** Longer names are refused: pages could not be asked for by them. */
export const FACILITY_CHARS_MAX = 1024

/** What is wrong with an event. */
export interface Mistake {
  /** Position in the array, from 0; where it is that of one event. */
  event?: number
  field?: string
  message: string
}

/** An event that may still be changed; `timestampNs` is NO_TIMESTAMP where it has none. */
export interface LoggedEvent extends LogEvent {
  attributes: Map<string, string>
}

/**
 * The event at the view. `event` and `facility` win over the other names that stand for message and service elsewhere:
 * here those are context, as is `source`.
 */
export function readEvent(view: EventView, source: string): LoggedEvent {
  const event = { ...view.toEvent(), attributes: new Map(view.attributes) }
  const { attributes } = event
  const text = attributes.get('event')
  if (text !== undefined) {
    attributes.delete('event')
    attributes.set('message', event.message)
    event.message = text
  }
  const facility = attributes.get('facility')
  if (facility !== undefined) {
    attributes.delete('facility')
    attributes.set('service', event.service)
    event.service = facility
  }
  if (event.source !== source) {
    attributes.set('source', event.source)
    event.source = source
  }
  return event
}

/** Everything that is wrong with it. `latestNs`: times after it, and before 1970, cannot be; `undefined`: any may. */
export function mistakesOf(event: LoggedEvent, index: number, latestNs: bigint | undefined): Mistake[] {
  const mistakes: Mistake[] = []
  const says = (field: string, message: string): void => void mistakes.push({ event: index, field, message })
  if (event.service === '') says('facility', 'is missing: the unique name of the sender')
  if (event.service.length > FACILITY_CHARS_MAX) says('facility', `is longer than ${FACILITY_CHARS_MAX} characters`)
  if (event.message === '') says('event', 'is missing: what happened, without variable parts')
  if (event.severity === SEVERITY_NUMBERS.unknown) {
    says(
      'level',
      `${wrongOrMissing(event, ['level', 'severity', 'lvl'])}: one of emerg, alert, crit, error, warn, notice, info, debug`,
    )
  }
  if (event.timestampNs === NO_TIMESTAMP) {
    if (isFarOff(event)) {
      if (latestNs !== undefined) says('timestamp', `${event.attributes.get('timestamp')} ${CANNOT_BE}`)
    } else if (event.attributes.has('timestamp')) {
      says('timestamp', `${wrongOrMissing(event, ['timestamp'])}: RFC 3339 such as 2026-01-05T10:11:12.345Z`)
    }
  } else if (latestNs !== undefined && (event.timestampNs < 0n || event.timestampNs > latestNs)) {
    says('timestamp', `${formatTimestamp(event.timestampNs)} ${CANNOT_BE}`)
  }
  return mistakes
}

const CANNOT_BE = 'cannot be: it is too far in the future, or before 1970'

/** Whether its time is one, but so far off that it cannot even be stored. */
export function isFarOff({ timestampNs, attributes }: LoggedEvent): boolean {
  return timestampNs === NO_TIMESTAMP && isTimeOutOfRange(attributes.get('timestamp') ?? '')
}

/** Whether it says when it was. Rows that need no second look do. */
export function hasTime(event: LoggedEvent | undefined): boolean {
  return event === undefined || event.timestampNs !== NO_TIMESTAMP || isFarOff(event)
}

/**
 * The received time counts, and what the sender said is kept beside it. True when that had to be done because its time
 * cannot be; most such times are left to the pipeline, which cannot know one that is not stored.
 */
export function replaceTime(event: LoggedEvent, isServerTime: boolean): boolean {
  const { attributes, timestampNs } = event
  const isFar = isFarOff(event)
  if (isFar) {
    attributes.set(isServerTime ? CLAIM_ATTRIBUTE : SKEW_ATTRIBUTE, attributes.get('timestamp') ?? '')
    attributes.delete('timestamp')
  } else if (isServerTime && timestampNs !== NO_TIMESTAMP) {
    attributes.set(CLAIM_ATTRIBUTE, formatTimestamp(timestampNs))
    event.timestampNs = NO_TIMESTAMP
  }
  return isFar && !isServerTime
}

function wrongOrMissing({ attributes }: LoggedEvent, names: readonly string[]): string {
  const given = names.map((name) => attributes.get(name)).find((value) => value !== undefined)
  return given === undefined ? 'is missing' : `${JSON.stringify(given.slice(0, 100))} is not known`
}

/**
 * What the id of the event in this row is made of: the row as it stands before it is stamped, which is its facility,
 * time, level, text and context in the order sent. An event without a time is like no other: `unique` then tells it
 * apart.
 */
export function saidIn(batch: EventBatch, row: number, hasTime: boolean, unique: () => string): Buffer {
  const bytes = batch.bytes.subarray(batch.offsets[row] ?? 0, batch.rowEnd(row))
  return hasTime ? bytes : Buffer.concat([bytes, Buffer.from(unique())])
}

import { EventBatch, EventView, NO_TIMESTAMP, ROW_TIMESTAMP } from '../../core/batch.ts'
import type { Counter } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import type { Sink } from '../../core/sink.ts'
import { formatTimestamp } from '../../core/time.ts'
import { EventStream } from '../../wire/transcode/event-stream.ts'
import { eventDefaults } from '../../wire/transcode/row-writer.ts'
import type { LineTranscoder } from '../../wire/transcode/transcoder.ts'
import type { SourceContext } from '../source.ts'
import type { IdWindow } from './id-window.ts'
import { RowSpans } from './row-copy.ts'
import {
  CLAIM_ATTRIBUTE,
  eventId,
  ID_ATTRIBUTE,
  idText,
  mistakesOf,
  readEvent,
  type LoggedEvent,
  type Mistake,
} from './rows.ts'

/** What all submissions share. */
export interface SubmissionState {
  name: string
  context: SourceContext
  transcoder: LineTranscoder
  window: IdWindow
  /** Events that are being written, by id: bounded by the requests under way. */
  writing: Map<string, Promise<void>>
  /** Submissions under way, and the bytes of their bodies. */
  active: number
  bytes: number
  /** Makes ids of events without a time differ. */
  unique: () => string
  events: Counter
  repeats: Counter
}

export interface SubmissionOptions {
  sink: Sink
  /** Host of events that name none. */
  host: string
  /**
   * Whether a time that cannot be, as it is after the received time or before 1970, is left to the pipeline, which puts
   * the received time in its place and keeps the claim. Else it is a mistake, if it is further ahead than the skew.
   */
  isSkewReplaced: boolean
}

export interface SubmissionAnswer {
  ids: string[]
  /** Positions of events that had been submitted before. */
  repeated: number[]
}

const MISTAKES_LISTED_MAX = 20

/**
 * One body: resolves when every event of it is durable. Rejects with REQUEST_INVALID naming the mistakes; then nothing
 * was kept.
 */
export async function submit(
  body: Buffer,
  state: SubmissionState,
  { sink, host, isSkewReplaced }: SubmissionOptions,
): Promise<SubmissionAnswer> {
  const rows = transcode(body, state)
  const careful = checkRows(rows, state, isSkewReplaced)
  const fresh = new EventBatch(rows.length + rows.rows * ROW_MORE_BYTES, rows.rows)
  const hostBytes = Buffer.from(host)
  const answer: SubmissionAnswer = { ids: [], repeated: [] }
  const own = new Map<string, Buffer>()
  const others = new Set<Promise<void>>()
  const spans = new RowSpans()
  for (let row = 0; row < rows.rows; row++) {
    const event = careful.get(row)
    const id = eventId(rows, row, event?.timestampNs !== NO_TIMESTAMP, state.unique)
    const text = idText(id)
    answer.ids.push(text)
    const isWriting = state.writing.get(text)
    if (isWriting) others.add(isWriting)
    if (isWriting || own.has(text) || state.window.has(id)) {
      answer.repeated.push(row)
      continue
    }
    own.set(text, id)
    if (event) fresh.append(completed(event, host, text, state))
    else spans.at(rows.bytes, rows.offsets[row] ?? 0, rows.rowEnd(row)).copyTo(fresh, hostBytes, text)
  }
  state.repeats.add(answer.repeated.length)
  if (own.size > 0) await write(fresh, own, state, isSkewReplaced ? withoutSkew(sink) : sink)
  await Promise.all(others)
  return answer
}

/** What a row grows by: its id, and a host. */
const ROW_MORE_BYTES = 96

/** The events of the body as rows; throws REQUEST_INVALID when one cannot be read. */
function transcode(body: Buffer, { name, context, transcoder }: SubmissionState): EventBatch {
  const mistakes: { event: number; message: string }[] = []
  const stream = new EventStream({
    transcoder,
    format: 'json',
    // The host is filled in later: the same event from another address is the same event.
    defaults: eventDefaults({ source: name }),
    nowSeconds: Number(context.clock() / 1_000_000_000n),
    capacityBytes: body.length,
    onReject: (line, reason, message, excerpt) => {
      const labels = { source: name, reason }
      context.counters.add('ingest_rejected_total', labels)
      context.counters.keepExample('ingest_rejected_total', labels, `event ${line - 1}, ${message}: ${excerpt}`)
      if (mistakes.length < MISTAKES_LISTED_MAX) mistakes.push({ event: line - 1, message })
    },
  })
  stream.push(body)
  stream.end()
  const rows = stream.takeBatch()
  if (mistakes.length > 0) {
    throw invalid(`event ${mistakes[0]?.event}: ${mistakes[0]?.message}`, mistakes)
  }
  if (!rows) throw invalid('there is no event in the body', [])
  return rows
}

/**
 * Looks at every row; throws REQUEST_INVALID with the mistakes of all. Resolves to the events that have to be written
 * anew, by their row; the others are right as they stand.
 */
function checkRows(
  rows: EventBatch,
  { name, context }: SubmissionState,
  isSkewReplaced: boolean,
): Map<number, LoggedEvent> {
  const { eventlog, futureSkewMaxNs } = context.limits
  const isClientTime = eventlog.timestamps === 'client'
  // Where the server's time counts, nobody else's can be wrong.
  const latestNs = isSkewReplaced || !isClientTime ? undefined : context.clock() + futureSkewMaxNs
  const source = Buffer.from(name)
  const view = new EventView()
  const spans = new RowSpans()
  const mistakes: Mistake[] = []
  const careful = new Map<number, LoggedEvent>()
  for (let row = 0; row < rows.rows; row++) {
    const start = rows.offsets[row] ?? 0
    const isPlain = isClientTime && spans.at(rows.bytes, start, rows.rowEnd(row)).isPlain(source)
    if (isPlain && (latestNs === undefined || rows.bytes.readBigInt64LE(start + ROW_TIMESTAMP) <= latestNs)) continue
    const event = readEvent(view.at(rows.bytes, start), name)
    mistakes.push(...mistakesOf(event, row, latestNs))
    careful.set(row, event)
  }
  if (mistakes.length === 0) return careful
  for (const { event, field, message } of mistakes) {
    const labels = { source: name, reason: `invalid_${field}` }
    context.counters.add('ingest_rejected_total', labels)
    context.counters.keepExample('ingest_rejected_total', labels, `event ${event}: ${field} ${message}`)
  }
  const [first] = mistakes
  throw invalid(`event ${first?.event}: ${first?.field} ${first?.message}`, mistakes.slice(0, MISTAKES_LISTED_MAX))
}

function completed(event: LoggedEvent, host: string, id: string, { context }: SubmissionState): LoggedEvent {
  if (event.host === '') event.host = host
  if (context.limits.eventlog.timestamps === 'server' && event.timestampNs !== NO_TIMESTAMP) {
    event.attributes.set(CLAIM_ATTRIBUTE, formatTimestamp(event.timestampNs))
    event.timestampNs = NO_TIMESTAMP
  }
  event.attributes.set(ID_ATTRIBUTE, id)
  return event
}

/** What is sent as it happens cannot be after its arrival: so the events of a sender keep their order. */
function withoutSkew(sink: Sink): Sink {
  return { hold: () => sink.hold(), write: (batch) => sink.write(batch, { futureSkewMaxNs: 0n }) }
}

async function write(
  batch: EventBatch,
  own: ReadonlyMap<string, Buffer>,
  { writing, window, events }: SubmissionState,
  sink: Sink,
): Promise<void> {
  const { rows } = batch
  const written = sink.write(batch)
  for (const text of own.keys()) writing.set(text, written)
  try {
    await written
    for (const id of own.values()) window.add(id)
    events.add(rows)
  } finally {
    for (const text of own.keys()) writing.delete(text)
  }
}

function invalid(detail: string, problems: readonly unknown[]): AppError {
  return new AppError('REQUEST_INVALID', {
    detail,
    problems,
    hint: 'Nothing of this request was kept. An event: {"facility":"shop","timestamp":"…Z","level":"error","event":"payment declined"}',
  })
}

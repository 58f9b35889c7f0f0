import { EventBatch, EventView } from '../../core/batch.ts'
import type { Counter } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import { SKEW_COUNTER, type Sink } from '../../core/sink.ts'
import { EventStream } from '../../wire/transcode/event-stream.ts'
import { eventDefaults } from '../../wire/transcode/row-writer.ts'
import type { LineTranscoder } from '../../wire/transcode/transcoder.ts'
import type { SourceContext } from '../source.ts'
import { digestInto, type EventIds, ID_CHARS, ID_WORDS, writeIdText } from './event-ids.ts'
import type { IdWindow } from './id-window.ts'
import { RowSpans } from './row-copy.ts'
import {
  hasTime,
  ID_ATTRIBUTE,
  mistakesOf,
  readEvent,
  replaceTime,
  saidIn,
  type LoggedEvent,
  type Mistake,
} from './rows.ts'

/** What all submissions share. */
export interface SubmissionState {
  name: string
  context: SourceContext
  transcoder: LineTranscoder
  /** See `emptied`. */
  rows: EventBatch
  window: IdWindow
  /** Writes under way, by number: bounded by the requests under way. */
  writes: Map<number, Promise<void>>
  /** Submissions under way, and the bytes of their bodies. */
  active: number
  bytes: number
  /** Makes ids of events without a time differ. */
  unique: () => string
  /** Numbers writes, from 1 on; a number may come again after 4 billion others. */
  nextWrite: () => number
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

const MISTAKES_LISTED_MAX = 20

/**
 * One body: resolves with the answer, `{"ids":[…],"repeated":[…]}`, when every event of it is durable. Rejects with
 * REQUEST_INVALID naming the mistakes; then nothing was kept.
 */
export async function submit(body: Buffer, state: SubmissionState, options: SubmissionOptions): Promise<Buffer> {
  const read = transcode(body, state)
  const { careful, mistakes } = checkRows(read, state, options.isSkewReplaced)
  refuseMistakes([...read.mistakes, ...mistakes])
  const { rows } = read
  if (rows.rows === 0) throw invalid('there is no event in the body', [])
  const ids: EventIds = new Uint32Array(rows.rows * ID_WORDS)
  for (let row = 0; row < rows.rows; row++) {
    digestInto(ids, row, saidIn(rows, row, hasTime(careful.get(row)), state.unique))
  }
  const write = state.nextWrite()
  const sifted: Sifted = { fresh: state.context.batches.take(roomFor(rows)), repeated: [], others: new Set() }
  try {
    sift(sifted, { rows, careful, ids, write, host: options.host }, state)
    state.repeats.add(sifted.repeated.length)
    if (sifted.fresh.rows > 0) await store(sifted.fresh, write, state, options)
  } catch (error) {
    forget(ids, write, state)
    throw error
  }
  await Promise.all(sifted.others)
  return answerText(ids, sifted.repeated)
}

interface Sifted {
  /** Events that have to be written, complete. */
  fresh: EventBatch
  /** Rows whose events are known already. */
  repeated: number[]
  /** Writes of others that bring some of these. */
  others: Set<Promise<void>>
}

interface Submitted {
  rows: EventBatch
  /** See `checkRows`. */
  careful: ReadonlyMap<number, LoggedEvent>
  ids: EventIds
  /** Number of the write that will bring the fresh events. */
  write: number
  host: string
}

/** Tells fresh events from known ones. From here on the fresh ones are known too: what fails has to forget them. */
function sift(sifted: Sifted, { rows, careful, ids, write, host }: Submitted, state: SubmissionState): void {
  const { window, writes } = state
  const hostBytes = Buffer.from(host)
  const spans = new RowSpans()
  window.expect(rows.rows)
  for (let row = 0; row < rows.rows; row++) {
    const before = window.writeOf(ids, row)
    if (before !== undefined) {
      sifted.repeated.push(row)
      const underWay = writes.get(before)
      if (underWay) sifted.others.add(underWay)
      continue
    }
    window.add(ids, row, write)
    const event = careful.get(row)
    if (event) sifted.fresh.append(completed(event, host, ids, row, state))
    else spans.at(rows.bytes, rows.offsets[row] ?? 0, rows.rowEnd(row)).copyTo(sifted.fresh, hostBytes, ids, row)
  }
}

function forget(ids: EventIds, write: number, { window }: SubmissionState): void {
  for (let row = 0; row < ids.length / ID_WORDS; row++) {
    if (window.writeOf(ids, row) === write) window.forget(ids, row)
  }
}

/** What a row grows by: its id, and a host. */
const ROW_MORE_BYTES = 96

function roomFor(rows: EventBatch): number {
  return rows.length + rows.rows * ROW_MORE_BYTES
}

/** A batch that stays with us is not kept when it is larger than this. */
const ROWS_BYTES_MAX = 4 * 1024 * 1024

/** The batch for rows on their way, which are used up before anything is waited for. */
function emptied(state: SubmissionState): EventBatch {
  if (state.rows.bytes.length > ROWS_BYTES_MAX) state.rows = new EventBatch()
  state.rows.length = 0
  state.rows.rows = 0
  return state.rows
}

interface Transcoded {
  rows: EventBatch
  /** What could not be read: the first of them, and positions of all events among them, rising. */
  mistakes: Mistake[]
  unread: number[]
}

/** The events of the body as rows. */
function transcode(body: Buffer, state: SubmissionState): Transcoded {
  const { name, context, transcoder } = state
  const mistakes: Mistake[] = []
  const unread: number[] = []
  const stream = new EventStream({
    transcoder,
    format: 'json',
    isOneText: true,
    // The host is filled in later: the same event from another address is the same event.
    defaults: eventDefaults({ source: name }),
    nowSeconds: Number(context.clock() / 1_000_000_000n),
    capacityBytes: body.length,
    newBatch: () => emptied(state),
    onReject: (line, reason, message, excerpt) => {
      const labels = { source: name, reason }
      context.counters.add('ingest_rejected_total', labels)
      context.counters.keepExample('ingest_rejected_total', labels, `event ${line - 1}, ${message}: ${excerpt}`)
      if (line > 0) unread.push(line - 1)
      if (mistakes.length >= MISTAKES_LISTED_MAX) return
      const field = reason === 'not_text' ? { field: transcoder.field } : {}
      mistakes.push({ ...(line === 0 ? {} : { event: line - 1 }), ...field, message })
    },
  })
  stream.push(body)
  stream.end()
  return { rows: stream.takeBatch() ?? emptied(state), mistakes, unread }
}

/** Throws REQUEST_INVALID when there are any, with the first of them in the order of events, then those of the whole. */
function refuseMistakes(mistakes: Mistake[]): void {
  if (mistakes.length === 0) return
  mistakes.sort((a, b) => (a.event ?? Infinity) - (b.event ?? Infinity) || 0)
  const [{ event, field, message } = { message: '' }] = mistakes
  const detail = [event === undefined ? '' : `event ${event}:`, field, message].filter(Boolean).join(' ')
  throw invalid(detail, mistakes.slice(0, MISTAKES_LISTED_MAX))
}

/**
 * Looks at every row. Returns the events that have to be written anew, by their row, as the others are right as they
 * stand; and the mistakes of all.
 */
function checkRows(
  { rows, unread }: Transcoded,
  { name, context }: SubmissionState,
  isSkewReplaced: boolean,
): { careful: Map<number, LoggedEvent>; mistakes: Mistake[] } {
  const { eventlog, futureSkewMaxNs } = context.limits
  const isClientTime = eventlog.timestamps === 'client'
  // Where the server's time counts, nobody else's can be wrong.
  const latestNs = isSkewReplaced || !isClientTime ? undefined : context.clock() + futureSkewMaxNs
  const latestHigh = latestNs === undefined ? Infinity : Number(latestNs >> 32n)
  const latestLow = latestNs === undefined ? 0 : Number(latestNs & 0xffffffffn)
  const source = Buffer.from(name)
  const view = new EventView()
  const spans = new RowSpans()
  const mistakes: Mistake[] = []
  const careful = new Map<number, LoggedEvent>()
  let before = 0
  for (let row = 0; row < rows.rows; row++) {
    const start = rows.offsets[row] ?? 0
    while (unread[before] === row + before) before++
    const isPlain = isClientTime && spans.at(rows.bytes, start, rows.rowEnd(row)).isPlain(source)
    if (isPlain && !spans.isAfter(latestHigh, latestLow)) continue
    const event = readEvent(view.at(rows.bytes, start), name)
    mistakes.push(...mistakesOf(event, row + before, latestNs))
    careful.set(row, event)
  }
  for (const { event, field, message } of mistakes) {
    const labels = { source: name, reason: `invalid_${field}` }
    context.counters.add('ingest_rejected_total', labels)
    context.counters.keepExample('ingest_rejected_total', labels, `event ${event}: ${field} ${message}`)
  }
  return { careful, mistakes }
}

function completed(
  event: LoggedEvent,
  host: string,
  ids: EventIds,
  index: number,
  { context }: SubmissionState,
): LoggedEvent {
  if (event.host === '') event.host = host
  if (replaceTime(event, context.limits.eventlog.timestamps === 'server')) context.counters.add(SKEW_COUNTER)
  const text = Buffer.alloc(ID_CHARS)
  writeIdText(ids, index, text, 0)
  event.attributes.set(ID_ATTRIBUTE, text.toString('latin1'))
  return event
}

/** What is sent as it happens cannot be after its arrival: so the events of a sender keep their order. */
function withoutSkew(sink: Sink): Sink {
  return { hold: () => sink.hold(), write: (batch) => sink.write(batch, { futureSkewMaxNs: 0n }) }
}

async function store(
  batch: EventBatch,
  write: number,
  { writes, events }: SubmissionState,
  { sink, isSkewReplaced }: SubmissionOptions,
): Promise<void> {
  const { rows } = batch
  try {
    const written = (isSkewReplaced ? withoutSkew(sink) : sink).write(batch)
    writes.set(write, written)
    await written
    events.add(rows)
  } finally {
    writes.delete(write)
  }
}

const IDS_BEFORE = '{"ids":['
/** Of an id in the answer, with quotes and comma. */
const ID_PLACE = ID_CHARS + 3
const QUOTE = 0x22
const COMMA = 0x2c

function answerText(ids: EventIds, repeated: readonly number[]): Buffer {
  const after = `],"repeated":[${repeated.join(',')}]}`
  const count = ids.length / ID_WORDS
  const text = Buffer.allocUnsafe(IDS_BEFORE.length + count * ID_PLACE + after.length)
  let at = text.write(IDS_BEFORE, 'latin1')
  for (let index = 0; index < count; index++) {
    if (index > 0) text[at++] = COMMA
    text[at++] = QUOTE
    at = writeIdText(ids, index, text, at)
    text[at++] = QUOTE
  }
  return text.subarray(0, at + text.write(after, at, 'latin1'))
}

function invalid(detail: string, problems: readonly unknown[]): AppError {
  return new AppError('REQUEST_INVALID', {
    detail,
    problems,
    hint: 'Nothing of this request was kept. An event: {"facility":"shop","timestamp":"…Z","level":"error","event":"payment declined"}',
  })
}

/** The event log from memory: pages and statistics by one look at all there is. */
import type {
  EventCount,
  EventLogReader,
  EventText,
  OpenedPage,
  PageRange,
  Separator,
  StatsQuestion,
} from '../api/eventlog/log-reader.ts'
import type { PageScope } from '../api/eventlog/page-question.ts'
import type { EventView } from '../core/batch.ts'
import { AppError } from '../core/errors.ts'
import { eventJson } from '../core/event.ts'
import { NS_PER_SECOND } from '../core/time.ts'
import type { Live } from '../live/live.ts'
import { toPredicate } from '../query/query.ts'
import type { ReadOptions } from '../store/store.ts'
import { counting, leading, TEXT_BYTES, type Counting } from './counts.ts'
import type { Pace } from './scan.ts'

const SOURCE = 'eventlog'
const MINUTE_NS = 60n * NS_PER_SECOND
/** Characters of a text that statistics tell. */
const TEXT_CHARS = 256
/** Pages are sorted in so many pieces, with turns for others between them. */
const PIECES = 600n
/** Texts that leave together. */
const JOINED_EVENTS = 500

export interface MemoryLogOptions extends Counting {
  live: Pick<Live, 'completeFromNs'>
  /** How far in the future a timestamp may lie. */
  futureSkewMaxNs: bigint
}

export function createMemoryLog(options: MemoryLogOptions): EventLogReader {
  const { live, futureSkewMaxNs } = options
  return {
    touching: () => ({ ids: [], isUnderWay: false }),
    async slots(scope, range, stepNs, read) {
      const counts = await countSlots(options, scope, range, stepNs, read)
      return counts.sort((a, b) => compare(a.slot, b.slot))
    },
    page: (scope, page, read) => openPage(options, scope, page, read),
    nearest: (scope, page, endNs, read) => findNearest(options, scope, page, endNs, read),
    async counts(by, question, read) {
      const keys = { facility: by.includes('facility'), level: by.includes('level'), unit: secondsOf(by) }
      return { rows: await countEvents(options, keys, question, read), isApproximate: false }
    },
    texts: async (question, read) => ({ rows: await countEventTexts(options, question, read), isApproximate: false }),
    async delete() {
      throw new AppError('STORAGE_IN_MEMORY', {
        detail: 'Events in memory cannot be deleted: the oldest make room for newer ones.',
        hint: 'Restart the server to delete them all, or start it with --storage disk.',
      })
    },
    // What is received now may be of a time that is yet to come.
    get completeFromNs() {
      return live.completeFromNs + futureSkewMaxNs
    },
  }
}

/** When an event is in the pages: at its own time, or, if that minute was closed already, when it was received. */
function pageTime({ timestampNs, receivedNs }: EventView, graceNs: bigint): { pageNs: bigint; isLate: boolean } {
  const closedNs = timestampNs - (timestampNs % MINUTE_NS) + MINUTE_NS + graceNs
  const isLate = timestampNs < 0n || receivedNs >= closedNs
  return { pageNs: isLate ? receivedNs : timestampNs, isLate }
}

function scopeTest({ facility, severities }: Partial<Pick<PageScope, 'facility' | 'severities'>>) {
  const wanted = facility === undefined ? undefined : Buffer.from(facility)
  return (event: EventView): boolean =>
    (severities === undefined || severities.includes(event.severity)) &&
    (wanted === undefined || event.textBytes('service').equals(wanted))
}

/** Shows the events of the scope whose page time is in the range. */
async function visitPages(
  { scan, node }: Counting,
  scope: PageScope,
  { fromNs, toNs }: PageRange,
  pace: Pace,
  visit: (event: EventView, pageNs: bigint, isLate: boolean) => void,
): Promise<void> {
  const isInScope = scopeTest(scope)
  const isSelected = toPredicate(scope.query, { node })
  await scan.all((event) => {
    const { pageNs, isLate } = pageTime(event, scope.graceNs)
    if (pageNs < fromNs || pageNs >= toNs || !isInScope(event) || !isSelected(event)) return
    visit(event, pageNs, isLate)
  }, pace)
}

async function countSlots(
  options: Counting,
  scope: PageScope,
  range: PageRange,
  stepNs: bigint,
  read: ReadOptions,
): Promise<{ slot: bigint; count: number }[]> {
  const counts = new Map<bigint, number>()
  await visitPages(options, scope, range, options.scan.pace(read), (_event, pageNs) => {
    const slot = pageNs / stepNs
    counts.set(slot, (counts.get(slot) ?? 0) + 1)
  })
  return Array.from(counts, ([slot, count]) => ({ slot, count }))
}

interface PageEvent {
  pageNs: bigint
  receivedNs: bigint
  text: string
}

/** What is on a page is taken out at once: it must not be overwritten between its being counted and its being read. */
async function openPage(options: Counting, scope: PageScope, range: PageRange, read: ReadOptions): Promise<OpenedPage> {
  const { charge, release } = options.queryMemory.open()
  const stepNs = (range.toNs - range.fromNs) / PIECES + 1n
  const pieces = new Map<bigint, PageEvent[]>()
  let count = 0
  try {
    await visitPages(options, scope, range, options.scan.pace(read), (event, pageNs, isLate) => {
      const text = printed(event, isLate, options.node)
      charge(TEXT_BYTES + textBytes(text))
      const slot = pageNs / stepNs
      const piece = pieces.get(slot)
      const item = { pageNs, receivedNs: event.receivedNs, text }
      if (piece) piece.push(item)
      else pieces.set(slot, [item])
      count++
    })
  } catch (error) {
    release()
    throw error
  }
  return { count, texts: (separator) => pageTexts(pieces, separator), close: release }
}

/** Of its characters: a byte each where all are ASCII, as most pages are, else at most two. */
function textBytes(text: string): number {
  return Buffer.byteLength(text) === text.length ? text.length : text.length * 2
}

async function* pageTexts(
  pieces: ReadonlyMap<bigint, PageEvent[]>,
  separator: Separator,
): AsyncGenerator<string, void, undefined> {
  const slots = [...pieces.keys()].sort(compare)
  let between: Separator | '' = ''
  for (const slot of slots) {
    const events = (pieces.get(slot) ?? []).sort(
      (a, b) => compare(a.pageNs, b.pageNs) || compare(a.receivedNs, b.receivedNs),
    )
    for (let from = 0; from < events.length; from += JOINED_EVENTS) {
      const some = events.slice(from, from + JOINED_EVENTS)
      yield between + some.map(({ text }) => text).join(separator)
      between = separator
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** With its attributes by name, as the store prints them. */
function printed(event: EventView, isLate: boolean, node: string): string {
  const attributes = new Map(event.attributes)
  if (isLate) attributes.set('late', 'true')
  const sorted = new Map([...attributes].sort(([a], [b]) => compare(a, b)))
  return JSON.stringify(eventJson({ ...event.toEvent(), attributes: sorted }, node))
}

/** The last page time before the page, and the first behind it that lies before `endNs`. */
async function findNearest(
  options: Counting,
  scope: PageScope,
  page: PageRange,
  endNs: bigint,
  read: ReadOptions,
): ReturnType<EventLogReader['nearest']> {
  let prevNs: bigint | undefined
  let nextNs: bigint | undefined
  const everything = { fromNs: 0n, toNs: endNs > page.fromNs ? endNs : page.fromNs }
  await visitPages(options, scope, everything, options.scan.pace(read), (_event, pageNs) => {
    if (pageNs < page.fromNs) {
      if (prevNs === undefined || pageNs > prevNs) prevNs = pageNs
    } else if (pageNs >= page.toNs && (nextNs === undefined || pageNs < nextNs)) nextNs = pageNs
  })
  return { prevNs, nextNs }
}

/** Whole minutes or hours, as they are counted elsewhere. */
function statsSelection({ visible, fromSeconds, toSeconds }: StatsQuestion, stepSeconds: bigint) {
  const stepNs = stepSeconds * NS_PER_SECOND
  const range = {
    fromNs: (BigInt(fromSeconds) / stepSeconds) * stepNs,
    toNs: (BigInt(toSeconds) / stepSeconds + 1n) * stepNs,
  }
  return { query: visible.everything, range }
}

interface CountKeys {
  facility: boolean
  level: boolean
  /** Seconds that are counted together. */
  unit: bigint | undefined
}

function secondsOf(by: readonly string[]): bigint | undefined {
  if (by.includes('minute')) return 60n
  if (by.includes('hour')) return 3600n
  return by.includes('day') ? 86_400n : undefined
}

function countEvents(
  options: Counting,
  { facility: byFacility, level: byLevel, unit }: CountKeys,
  question: StatsQuestion,
  read: ReadOptions,
): Promise<EventCount[]> {
  const isInScope = scopeTest(question)
  return counting(options, statsSelection(question, 60n), read, (charge) => {
    const counts = new Map<string, EventCount>()
    return {
      visit(event) {
        if (event.text('source') !== SOURCE || !isInScope(event)) return
        const severity = byLevel ? event.severity : undefined
        const seconds = unit === undefined ? undefined : wholeSeconds(event.timestampNs, unit)
        const facility = byFacility ? event.text('service') : undefined
        const key = `${severity} ${seconds} ${facility}`
        const known = counts.get(key)
        if (known) known.events++
        else {
          charge(TEXT_BYTES + key.length * 4)
          counts.set(key, { events: 1, facility, severity, seconds })
        }
      },
      answer: (pace) => leading(counts.values(), question.limit, byTime, pace),
    }
  })
}

function wholeSeconds(ns: bigint, unit: bigint): bigint {
  const seconds = ns / NS_PER_SECOND
  return seconds - (seconds % unit)
}

function byTime(a: EventCount, b: EventCount): number {
  return (
    compare(a.seconds ?? 0n, b.seconds ?? 0n) ||
    compare(a.severity ?? 0, b.severity ?? 0) ||
    compare(a.facility ?? '', b.facility ?? '')
  )
}

function countEventTexts(options: Counting, question: StatsQuestion, read: ReadOptions): Promise<EventText[]> {
  const isInScope = scopeTest(question)
  return counting(options, statsSelection(question, 3600n), read, (charge) => {
    const texts = new Map<string, EventText>()
    return {
      visit(event) {
        if (event.text('source') !== SOURCE || !isInScope(event)) return
        const { severity, timestampNs } = event
        const text = beginning(event.text('message'))
        const facility = event.text('service')
        const key = JSON.stringify([severity, facility, text])
        const known = texts.get(key)
        if (known) {
          known.events++
          if (timestampNs < known.firstNs) known.firstNs = timestampNs
          if (timestampNs > known.lastNs) known.lastNs = timestampNs
          return
        }
        charge(TEXT_BYTES + key.length * 4)
        texts.set(key, { text, facility, severity, events: 1, firstNs: timestampNs, lastNs: timestampNs })
      },
      answer: (pace) => leading(texts.values(), question.limit, byFrequency, pace),
    }
  })
}

function byFrequency(a: EventText, b: EventText): number {
  return (
    b.events - a.events || compare(a.text, b.text) || compare(a.facility, b.facility) || compare(a.severity, b.severity)
  )
}

function beginning(text: string): string {
  return text.length <= TEXT_CHARS ? text : Array.from(text).slice(0, TEXT_CHARS).join('')
}

function compare<T extends bigint | number | string>(a: T, b: T): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : a > b ? 1 : 0
}

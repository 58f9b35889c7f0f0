/** Events counted by time and field, names and values of fields: each by one look at all there is, exactly. */
import type { BucketCount, BucketQuestion, Counted, FieldsQuestion, ValuesQuestion } from '../api/event-reader.ts'
import type { EventView } from '../core/batch.ts'
import { TEXT_FIELDS } from '../core/event.ts'
import { levelOf } from '../core/severity.ts'
import { toPredicate, type CheckedQuery, type TimeRange } from '../query/query.ts'
import type { ReadOptions } from '../store/store.ts'
import type { QueryMemory } from './query-memory.ts'
import type { Pace, Scan } from './scan.ts'

export interface Counting {
  scan: Scan
  queryMemory: QueryMemory
  node: string
}

interface Selection {
  query: CheckedQuery
  range: TimeRange
}

type Charge = (bytes: number) => void

/** Memory of one counted text beside its characters, and of one bucket, roughly. */
export const TEXT_BYTES = 128
const BUCKET_BYTES = 40
/** Texts looked at before the event loop may get a turn. */
const STEP_TEXTS = 1000

/** What counts, and then makes the answer. */
interface Counter<Answer> {
  visit(event: EventView): void
  answer(pace: Pace): Promise<Answer>
}

/** Counts what is selected. `start` makes the counter, which charges what it is about to keep. */
export async function counting<Answer>(
  { scan, queryMemory, node }: Counting,
  { query, range: { fromNs, toNs } }: Selection,
  read: ReadOptions,
  start: (charge: Charge) => Counter<Answer>,
): Promise<Answer> {
  const { charge, release } = queryMemory.open()
  const pace = scan.pace(read)
  try {
    const isSelected = toPredicate(query, { node })
    const counter = start(charge)
    await scan.all((event) => {
      if (fromNs !== undefined && event.timestampNs < fromNs) return
      if (toNs !== undefined && event.timestampNs >= toNs) return
      if (isSelected(event)) counter.visit(event)
    }, pace)
    return await counter.answer(pace)
  } finally {
    release()
  }
}

/** The text of a field by its own name; levels by name; empty where it is absent. */
function textReader(name: string, node: string): (event: EventView) => string {
  if (name === 'level') return (event) => levelOf(event.severity)
  if (name === 'node') return () => node
  const field = TEXT_FIELDS.find((text) => text === name)
  return field === undefined ? (event) => event.attribute(name) ?? '' : (event) => event.text(field)
}

/** Every level, or the most frequent values apart and all others together. */
export function countBuckets(
  counted: Counting,
  { query, range, buckets: { firstNs, intervalNs }, by, valuesMax }: BucketQuestion,
  read: ReadOptions,
): Promise<BucketCount[]> {
  const valueOf = textReader(by, counted.node)
  const apartMax = by === 'level' ? Infinity : valuesMax
  return counting(counted, { query, range }, read, (charge) => {
    const values = new Map<string, ValueCounts>()
    return {
      visit(event) {
        const value = valueOf(event)
        let counts = values.get(value)
        if (counts === undefined) {
          charge(TEXT_BYTES + value.length * 2)
          counts = { events: 0, buckets: new Map() }
          values.set(value, counts)
        }
        const bucket = Number((event.timestampNs - firstNs) / intervalNs)
        const inBucket = counts.buckets.get(bucket)
        if (inBucket === undefined) charge(BUCKET_BYTES)
        counts.buckets.set(bucket, (inBucket ?? 0) + 1)
        counts.events++
      },
      answer: (pace) => bucketCounts(values, apartMax, pace),
    }
  })
}

interface ValueCounts {
  events: number
  /** Number of the bucket → events. */
  buckets: Map<number, number>
}

async function bucketCounts(
  values: ReadonlyMap<string, ValueCounts>,
  apartMax: number,
  pace: Pace,
): Promise<BucketCount[]> {
  const totals = Array.from(values, ([name, { events }]) => ({ name, events }))
  const apart = new Set((await mostFrequent(totals, apartMax, pace)).map(({ name }) => name))
  const other = new Map<number, number>()
  const found: BucketCount[] = []
  for (const [value, { buckets }] of values) {
    for (const [bucket, events] of buckets) {
      if (apart.has(value)) found.push({ bucket, value, events })
      else other.set(bucket, (other.get(bucket) ?? 0) + events)
    }
    await pace.turn()
  }
  return [...found, ...Array.from(other, ([bucket, events]) => ({ bucket, value: undefined, events }))]
}

/** Level and message are in every event; other fields count where they are not empty, attributes where they are. */
export function countNames(
  counted: Counting,
  { visible, range, limit }: FieldsQuestion,
  read: ReadOptions,
): Promise<Counted> {
  return countTexts(counted, { query: visible.everything, range }, limit, read, (event, add) => {
    add('level')
    for (const field of TEXT_FIELDS) if (field === 'message' || event.textBytes(field).length > 0) add(field)
    for (const name of event.attributes.keys()) add(name)
  })
}

export function countValues(
  counted: Counting,
  { visible, query = visible.everything, field, prefix, range, limit }: ValuesQuestion,
  read: ReadOptions,
): Promise<Counted> {
  const valueOf = textReader(field, counted.node)
  const beginning = prefix.toLowerCase()
  return countTexts(counted, { query, range }, limit, read, (event, add) => {
    const value = valueOf(event)
    if (value !== '' && (beginning === '' || value.toLowerCase().startsWith(beginning))) add(value)
  })
}

function countTexts(
  counted: Counting,
  selection: Selection,
  limit: number,
  read: ReadOptions,
  textsOf: (event: EventView, add: (text: string) => void) => void,
): Promise<Counted> {
  return counting(counted, selection, read, (charge) => {
    const counts = new Map<string, number>()
    const add = (text: string): void => {
      const count = counts.get(text)
      if (count === undefined) charge(TEXT_BYTES + text.length * 2)
      counts.set(text, (count ?? 0) + 1)
    }
    return {
      visit: (event) => textsOf(event, add),
      async answer(pace) {
        const totals = Array.from(counts, ([name, events]) => ({ name, events }))
        return { counts: await mostFrequent(totals, limit, pace), isApproximate: false }
      },
    }
  })
}

type Total = Counted['counts'][number]

/** The most frequent first, those of one frequency by name. */
function mostFrequent(totals: readonly Total[], limit: number, pace: Pace): Promise<Total[]> {
  return leading(totals, limit, byFrequency, pace)
}

/** The first ones in order. Sorts no more at once than twice what is wanted. */
export async function leading<T>(
  items: Iterable<T>,
  limit: number,
  compare: (a: T, b: T) => number,
  pace: Pace,
): Promise<T[]> {
  let best: T[] = []
  for (const item of items) {
    if (best.push(item) < limit * 2 + STEP_TEXTS) continue
    best = best.sort(compare).slice(0, limit)
    await pace.turn()
  }
  return best.sort(compare).slice(0, limit)
}

function byFrequency(a: Total, b: Total): number {
  if (a.events !== b.events) return b.events - a.events
  return a.name < b.name ? -1 : 1
}

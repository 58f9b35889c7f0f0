/** The stages of a query while its rows are events. */
import { EventView } from '../../../core/batch.ts'
import type { CheckedQuery, Field } from '../../2-check/checked.ts'
import { forwards, intersectRanges } from '../../range.ts'
import { eventPredicate, rangePredicates, type Predicate } from '../predicate.ts'
import type { RowOptions } from '../rows.ts'
import { createReaders, type Readers } from '../select-fields.ts'
import { eventPrinter } from './event-row.ts'
import type { EvaluationOptions } from './evaluation.ts'
import { OrderedRows, textKey, timeKey, valueKey, type Order, type SortKey } from './order.ts'
import { filtered, type Cell, type Stage } from './stage.ts'
import { tableMaker } from './table-maker.ts'

/** Events on their way along the pipes. */
interface EventsState {
  sorted: Order<EventView> | undefined
  limit: number | undefined
}

interface EventsContext {
  query: CheckedQuery
  options: EvaluationOptions
  readers: Readers
  /** Newest first, or oldest first if asked so. */
  meant: Order<EventView>
  /** The table that the `index`-th pipe makes of events, and all that follows. */
  makeTable(index: number): Stage<EventView>
}

/** Call `readers.next` before each event that is added. */
export function eventStages(
  query: CheckedQuery,
  options: EvaluationOptions,
): { readers: Readers; stages: Stage<EventView> } {
  const readers = createReaders(query.pipes, options.node)
  const range = forwards(intersectRanges(query.range, options.range ?? {}))
  const makeTable = tableMaker(query, range, options.charge)
  const isDescending = options.order !== 'asc'
  const context: EventsContext = {
    query,
    options,
    readers,
    meant: [timeKey((event) => event.timestampNs, isDescending), timeKey((event) => event.receivedNs, isDescending)],
    makeTable: (index) =>
      makeTable(index, { read: (field) => fieldReader(field, readers) }, (event: EventView) => event.timestampNs),
  }
  const tests = [...rangePredicates(range), ...placePredicates(query, options), eventPredicate(query.filter, readers)]
  return { readers, stages: filtered(tests, stagesFrom(0, { sorted: undefined, limit: undefined }, context)) }
}

/** What pages ask: nothing that came after the first, nothing that was given. */
function placePredicates(
  { isPageable }: CheckedQuery,
  { snapshotNs, after, order, node }: RowOptions & { node: string },
): Predicate<EventView>[] {
  const tests: Predicate<EventView>[] = []
  if (snapshotNs !== undefined) tests.push((event) => event.receivedNs <= snapshotNs)
  if (after === undefined || !isPageable) return tests
  const isBeyondEqual = order === 'asc' ? node > after.node : node < after.node
  const isBeyond = order === 'asc' ? (a: bigint, b: bigint) => a > b : (a: bigint, b: bigint) => a < b
  tests.push(({ timestampNs, receivedNs }) => {
    if (timestampNs !== after.timestampNs) return isBeyond(timestampNs, after.timestampNs)
    return receivedNs === after.receivedNs ? isBeyondEqual : isBeyond(receivedNs, after.receivedNs)
  })
  return tests
}

function stagesFrom(index: number, state: EventsState, context: EventsContext): Stage<EventView> {
  const pipe = context.query.pipes[index]
  if (pipe === undefined) return answer(state, context)
  const isCut = state.limit !== undefined
  const rest = (changes: Partial<EventsState>): Stage<EventView> =>
    stagesFrom(index + 1, { ...state, ...changes }, context)
  switch (pipe.kind) {
    case 'where':
      if (isCut) return cut(index, state, context)
      return filtered([eventPredicate(pipe.filter, context.readers)], rest({}))
    case 'sort':
      if (isCut) return cut(index, state, context)
      return rest({
        sorted: [
          ...pipe.keys.map(({ field, descending }) => sortKey(field, descending, context.readers)),
          ...context.meant,
        ],
      })
    case 'limit':
      return rest({ limit: Math.min(state.limit ?? pipe.count, pipe.count) })
    case 'stats':
    case 'top':
    case 'timechart':
      return isCut ? cut(index, state, context) : context.makeTable(index)
    case 'fields':
    case 'extract':
    case 'parse':
      // Found where the answer is made, and where a field that they make is read.
      return rest({})
  }
}

/** The first events alone go on to the `index`-th pipe. */
function cut(index: number, state: EventsState, context: EventsContext): Stage<EventView> {
  const next = stagesFrom(index, { ...state, limit: undefined }, context)
  const rows = orderedRows(state, state.limit ?? Infinity, context)
  const view = new EventView()
  return {
    add: (event) => rows.add(event),
    *end() {
      for (const row of rows.take()) {
        if (row === undefined) yield undefined
        else {
          context.readers.next()
          next.add(view.at(row, 0, row.length))
        }
      }
      yield* next.end()
    },
  }
}

function answer(state: EventsState, context: EventsContext): Stage<EventView> {
  const { options, readers, query } = context
  const limit = Math.max(0, Math.min(state.limit ?? options.limit, options.limit))
  const rows = orderedRows(state, limit, context)
  const print = eventPrinter(query, readers, options.node)
  const view = new EventView()
  return {
    add: (event) => rows.add(event),
    *end() {
      for (const row of rows.take()) {
        readers.next()
        yield row && print(view.at(row, 0, row.length))
      }
    },
  }
}

function orderedRows(
  { sorted }: EventsState,
  limit: number,
  { meant, options }: EventsContext,
): OrderedRows<EventView, Buffer> {
  return new OrderedRows({
    order: sorted ?? meant,
    limit,
    keep(event) {
      const row = event.copy()
      return { row, bytes: row.length }
    },
    charge: options.charge,
  })
}

function fieldReader(field: Field, readers: Readers): (event: EventView) => Cell {
  if (field.kind === 'level') return (event) => event.severity
  if (field.kind !== 'time') return readers.text(field)
  return field.name === 'timestamp' ? (event) => event.timestampNs : (event) => event.receivedNs
}

function sortKey(field: Field, isDescending: boolean, readers: Readers): SortKey<EventView> {
  const read = fieldReader(field, readers)
  const isValue = field.kind === 'time' || field.kind === 'level'
  return isValue ? valueKey(read, isDescending) : textKey(read, isDescending)
}

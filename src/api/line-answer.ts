import type { EventJson } from '../core/event.ts'
import { readEventRow, readTableRow } from '../query/query.ts'
import { csvLine } from './csv.ts'
import { tableRange } from './json-answer.ts'
import type { Question } from './questions.ts'
import type { Reading } from './reading.ts'
import { eventsWanted, FIRST_PIECE_ROWS, isWorthShrinking, rangeAhead, searchPieces } from './search.ts'
import { countdown } from './times.ts'

const CSV_FIELDS = ['timestamp', 'level', 'service', 'host', 'source', 'message', 'trace_id', 'span_id', 'attributes']

/** The answer line by line, read from the store as the lines are taken. */
export function streamLines(
  reading: Reading,
  question: Question,
  format: 'ndjson' | 'csv',
  signal: AbortSignal,
): AsyncIterable<string> {
  return question.query.kind === 'table'
    ? tableLines(reading, question, format, signal)
    : eventLines(reading, question, format, signal)
}

async function* eventLines(
  { events }: Reading,
  question: Question,
  format: 'ndjson' | 'csv',
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { query, order, timeoutMs } = question
  const fields = query.fields ?? CSV_FIELDS
  const header = format === 'csv' ? csvLine(fields, []) : ''
  const wanted = eventsWanted(question)
  let isFirst = true
  const windows = await events.windows(rangeAhead(question), order)
  const pieces = wanted === 0 ? [] : searchPieces(question, wanted, FIRST_PIECE_ROWS, windows)
  for (const piece of pieces) {
    const options = { signal, timeoutMs, rowsMax: piece.options.limit }
    try {
      for await (const row of withoutHeader(events.stream(query, piece.options, options))) {
        // Nothing leaves before the store has answered: until then a failure can be an error answer.
        if (isFirst && header !== '') yield header
        isFirst = false
        piece.rows++
        piece.last = row
        const event = readEventRow(query, row)
        const line = format === 'ndjson' ? `${JSON.stringify(event)}\n` : csvLine(cells(event, fields), [])
        piece.chars += line.length
        yield line
      }
    } catch (error) {
      if (!isWorthShrinking(error, piece, question)) throw error
      piece.isTooLarge = true
    }
  }
  if (isFirst && header !== '') yield header
}

function cells(event: Partial<EventJson>, fields: readonly string[]): unknown[] {
  return fields.map((field) =>
    field in event ? event[field as keyof EventJson] : (event.attributes?.[field] ?? undefined),
  )
}

async function* tableLines(
  reading: Reading,
  question: Question,
  format: 'ndjson' | 'csv',
  signal: AbortSignal,
): AsyncGenerator<string> {
  const timeLeftMs = countdown(question.timeoutMs)
  const range = await tableRange(reading, question, signal, timeLeftMs)
  const options = { signal, timeoutMs: timeLeftMs() }
  const { query, limit } = question
  const { columns } = query
  const names = columns.map(({ name }) => name)
  const isText = columns.map(({ type }) => type !== 'number')
  let rows = -1
  for await (const row of reading.events.stream(query, { range, limit }, options)) {
    if (++rows === 0) {
      // The first item is the columns.
      if (format === 'csv') yield csvLine(names, [])
      continue
    }
    if (rows > question.tableRowsMax) return
    const cells = readTableRow(columns, row)
    if (format === 'csv') yield csvLine(cells, isText)
    else yield `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, cells[index]])))}\n`
  }
}

/** The rows alone: the first item of a stream is the columns. */
async function* withoutHeader(stream: AsyncIterable<unknown[]>): AsyncGenerator<unknown[]> {
  let isHeader = true
  for await (const item of stream) {
    if (!isHeader) yield item
    isHeader = false
  }
}

import { AppError } from '../core/errors.ts'
import type { Statement } from '../core/statement.ts'
import type { Connection, Settings } from './connection.ts'
import { exceptionFailure, failure } from './failure.ts'
import type { ReadColumn, ReadOptions, ReadResult, ReadStats, RowSeparator } from './store.ts'

export interface ReadLimits {
  timeoutMs: number
  rowsMax: number
  memoryBytesMax: number
  /** What one statement may read, uncompressed. */
  bytesReadMax: number
  resultBytesMax: number
}

export const READ_LIMITS: ReadLimits = {
  timeoutMs: 30_000,
  rowsMax: 100_000,
  memoryBytesMax: 1024 * 2 ** 20,
  bytesReadMax: 256 * 2 ** 30,
  resultBytesMax: 256 * 2 ** 20,
}

const NEWLINE = 0x0a
/** How much longer than its own limit a query may take to begin its answer. */
const SILENCE_MS_OVER = 3000
const OPENING_BRACE = 0x7b
/** A row is at most one event; a line beyond this is not one. */
const LINE_BYTES_MAX = 256 * 2 ** 20

/** An answer on its way: columns, rows and figures as they come. */
export interface Answer {
  columns: ReadColumn[]
  stats: ReadStats
  rows: AsyncGenerator<unknown[], void, undefined>
}

/** One line of JSONCompactEachRowWithProgress. */
interface AnswerLine {
  meta?: ReadColumn[]
  row?: unknown[]
  exception?: string
  /** What is zero is left out. */
  progress?: { read_rows?: string; read_bytes?: string }
}

function readSettings(options: ReadOptions, limits: ReadLimits): Settings {
  const rowsMax = options.rowsMax ?? limits.rowsMax
  return {
    readonly: 2,
    max_execution_time: (options.timeoutMs ?? limits.timeoutMs) / 1000,
    timeout_overflow_mode: 'throw',
    max_memory_usage: limits.memoryBytesMax,
    max_bytes_to_read: limits.bytesReadMax,
    read_overflow_mode: 'throw',
    max_result_rows: rowsMax,
    max_result_bytes: limits.resultBytesMax,
    result_overflow_mode: 'throw',
    cancel_http_readonly_queries_on_client_close: 1,
    // Errors after the first bytes come as a line of their own instead of a broken connection.
    http_write_exception_in_output_format: 1,
    output_format_json_quote_64bit_integers: 1,
    output_format_json_quote_denormals: 0,
    // Sorting the times of a window and then fetching the rows that won beats reading whole rows in order.
    optimize_read_in_order: 0,
    query_plan_optimize_lazy_materialization: 1,
    use_query_cache: 0,
  }
}

/**
 * Runs a SELECT. Resolves when the columns are known; rows are read as they are asked for, and ending the iteration
 * destroys the connection, which cancels the query in the engine.
 */
export async function openAnswer(
  connection: Connection,
  statement: Statement,
  options: ReadOptions,
  limits: ReadLimits,
): Promise<Answer> {
  throwIfAborted(options.signal)
  const startedAt = performance.now()
  const settings = readSettings(options, limits)
  const silence = watchSilence((options.timeoutMs ?? limits.timeoutMs) + SILENCE_MS_OVER)
  const signals = options.signal === undefined ? [silence.signal] : [silence.signal, options.signal]
  let stream
  try {
    stream = await connection.open(statement, 'JSONCompactEachRowWithProgress', settings, AbortSignal.any(signals))
  } catch (error) {
    silence.end()
    throwIfAborted(options.signal)
    throw silence.error ?? error
  }
  const opened = stream
  silence.signal.addEventListener('abort', () => opened.destroy(silence.error), { once: true })
  const onAbort = (): void => void opened.destroy(new AppError('QUERY_CANCELLED'))
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  const stats: ReadStats = { elapsedMs: 0, rowsRead: 0, bytesRead: 0 }
  const columns: ReadColumn[] = []
  const rows = readRows(opened, columns, stats, () => {
    stats.elapsedMs = performance.now() - startedAt
    options.signal?.removeEventListener('abort', onAbort)
    opened.destroy()
  })
  // The first step ends at the columns.
  try {
    await rows.next()
  } finally {
    silence.end()
  }
  return { columns, stats, rows }
}

/** Bytes that the engine keeps in memory until an answer is whole; beyond that it uses its disk. */
const WHOLE_ANSWER_BYTES = 16 * 2 ** 20

/**
 * Runs a SELECT of one column of texts, and gives the bytes of the texts as they are, with the separator between them.
 * The engine answers once it has all of it, so that a failure is never taken for a text.
 */
export async function* readTexts(
  connection: Connection,
  statement: Statement,
  separator: RowSeparator,
  options: ReadOptions,
  limits: ReadLimits,
): AsyncGenerator<Buffer, void, undefined> {
  throwIfAborted(options.signal)
  const settings = {
    ...readSettings(options, limits),
    http_write_exception_in_output_format: 0,
    wait_end_of_query: 1,
    buffer_size: WHOLE_ANSWER_BYTES,
    // What is read as text is read once: machine code for it would take longer to make than it saves.
    compile_expressions: 0,
    compile_sort_description: 0,
    format_custom_escaping_rule: 'Raw',
    format_custom_row_before_delimiter: '',
    format_custom_row_after_delimiter: '',
    format_custom_row_between_delimiter: separator,
    format_custom_result_before_delimiter: '',
    format_custom_result_after_delimiter: '',
  }
  const silence = watchSilence((options.timeoutMs ?? limits.timeoutMs) + SILENCE_MS_OVER)
  const signals = options.signal === undefined ? [silence.signal] : [silence.signal, options.signal]
  try {
    const stream = await connection.open(statement, 'CustomSeparated', settings, AbortSignal.any(signals))
    silence.end()
    for await (const chunk of stream) yield chunk as Buffer
  } catch (error) {
    throwIfAborted(options.signal)
    throw silence.error ?? failure(error, 'read')
  } finally {
    silence.end()
  }
}

/** Aborts when an answer has not begun in time: the engine keeps to the limit by itself, unless it hangs. */
function watchSilence(ms: number): { signal: AbortSignal; error: AppError | undefined; end(): void } {
  const controller = new AbortController()
  const watch = {
    signal: controller.signal,
    error: undefined as AppError | undefined,
    end: () => clearTimeout(timer),
  }
  const timer = setTimeout(() => {
    const detail = `The store has not begun to answer within ${ms} ms, although it was to give up before that.`
    watch.error = new AppError('STORE_UNREACHABLE', { detail, retryAfterSeconds: 5 })
    controller.abort()
  }, ms)
  return watch
}

/** Yields an empty array once when the columns are there, then the rows. */
async function* readRows(
  stream: AsyncIterable<unknown>,
  columns: ReadColumn[],
  stats: ReadStats,
  finish: () => void,
): AsyncGenerator<unknown[], void, undefined> {
  let isAnnounced = false
  try {
    for await (const line of lines(stream)) {
      const item = JSON.parse(line) as AnswerLine
      if (item.row) yield item.row
      else if (item.exception !== undefined) throw exceptionFailure(item.exception, 'read')
      else if (item.progress) noteProgress(stats, item.progress)
      else if (item.meta && !isAnnounced) {
        isAnnounced = true
        columns.push(...item.meta)
        yield []
      }
    }
  } catch (error) {
    throw failure(error, 'read')
  } finally {
    finish()
  }
}

function noteProgress(stats: ReadStats, progress: NonNullable<AnswerLine['progress']>): void {
  stats.rowsRead = Math.max(stats.rowsRead, Number(progress.read_rows ?? 0))
  stats.bytesRead = Math.max(stats.bytesRead, Number(progress.read_bytes ?? 0))
}

async function* lines(stream: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const piece of stream) {
    const chunk = piece as Buffer
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = restBytes === 0 ? chunk.subarray(start, end) : Buffer.concat([...rest, chunk.subarray(start, end)])
      rest = []
      restBytes = 0
      start = end + 1
      if (line[0] === OPENING_BRACE) yield line.toString('utf8')
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start))
      restBytes += chunk.length - start
      if (restBytes > LINE_BYTES_MAX) throw new AppError('QUERY_TOO_COSTLY', { detail: 'One row is too large.' })
    }
  }
  if (restBytes > 0) throw new AppError('STORE_UNREACHABLE', { detail: 'The answer of the store was cut off.' })
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AppError('QUERY_CANCELLED', { cause: signal.reason })
}

/** Reads a whole answer into memory. */
export async function readAll(
  connection: Connection,
  statement: Statement,
  options: ReadOptions,
  limits: ReadLimits,
): Promise<ReadResult> {
  const answer = await openAnswer(connection, statement, options, limits)
  const rows: unknown[][] = []
  for await (const row of answer.rows) rows.push(row)
  return { columns: answer.columns, rows, stats: answer.stats }
}

import { ClickHouseError } from '@clickhouse/client'
import { AppError, type ErrorCode } from '../core/errors.ts'

/** Why an answer failed is told apart by what was asked: rows that are refused, or a query that costs too much. */
export type Purpose = 'load' | 'read' | 'own'

/** ClickHouse error codes (src/Common/ErrorCodes.cpp) that say "these rows cannot be stored". */
const DATA_CODES = new Set([
  6, // CANNOT_PARSE_TEXT
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  32, // ATTEMPT_TO_READ_AFTER_EOF
  33, // CANNOT_READ_ALL_DATA
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  131, // TOO_LARGE_STRING_SIZE
  190, // SIZES_OF_ARRAYS_DONT_MATCH
  271, // CANNOT_DECOMPRESS
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  407, // DECIMAL_OVERFLOW
])

const READ_CODES: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [159, 'QUERY_TIMEOUT'], // TIMEOUT_EXCEEDED
  [160, 'QUERY_TIMEOUT'], // TOO_SLOW
  [158, 'QUERY_TOO_COSTLY'], // TOO_MANY_ROWS
  [307, 'QUERY_TOO_COSTLY'], // TOO_MANY_BYTES
  [396, 'QUERY_TOO_COSTLY'], // TOO_MANY_ROWS_OR_BYTES
  [241, 'QUERY_TOO_COSTLY'], // MEMORY_LIMIT_EXCEEDED
  [191, 'QUERY_TOO_COSTLY'], // SET_SIZE_LIMIT_EXCEEDED
  [167, 'QUERY_TOO_LARGE'], // TOO_DEEP_AST
  [168, 'QUERY_TOO_LARGE'], // TOO_BIG_AST
  [306, 'QUERY_TOO_LARGE'], // TOO_DEEP_RECURSION
  [62, 'STORE_FAILED'], // SYNTAX_ERROR: ours, never the reader's
  [427, 'QUERY_INVALID'], // CANNOT_COMPILE_REGEXP
  [394, 'QUERY_CANCELLED'], // QUERY_WAS_CANCELLED
  [202, 'TOO_MANY_REQUESTS'], // TOO_MANY_SIMULTANEOUS_QUERIES
])

/** Whatever the client threw → the `AppError` of this door. An `AppError` stays as it is. */
export function failure(error: unknown, purpose: Purpose): AppError {
  if (error instanceof AppError) return error
  if (error instanceof ClickHouseError) return engineFailure(Number(error.code), error.message, purpose, error)
  const detail = error instanceof Error ? connectionDetail(error) : String(error)
  return new AppError('STORE_UNREACHABLE', { cause: error, detail, retryAfterSeconds: 2 })
}

/** An error that ClickHouse reported by its own code. */
export function engineFailure(code: number, message: string, purpose: Purpose, cause?: unknown): AppError {
  const detail = message.split('\n')[0]?.slice(0, 1000) ?? ''
  if (purpose === 'load' && DATA_CODES.has(code)) return new AppError('STORE_DATA_REFUSED', { cause, detail })
  if (purpose === 'read') {
    const read = READ_CODES.get(code)
    if (read !== undefined) return new AppError(read, { cause, detail: withoutVersion(detail) })
  }
  return new AppError('STORE_FAILED', { cause, detail: `${detail} (ClickHouse error ${code})` })
}

const EXCEPTION = /Code: (\d+)\. DB::Exception: ([\s\S]*)/

/** The text of an error that ClickHouse wrote into an answer which had begun already. */
export function exceptionFailure(text: string, purpose: Purpose): AppError {
  const match = EXCEPTION.exec(text)
  return engineFailure(Number(match?.[1] ?? 0), match?.[2] ?? text, purpose)
}

function withoutVersion(detail: string): string {
  return detail.replace(/ ?\(version [\d.]+\)/, '')
}

function connectionDetail(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  return `The store did not answer: ${error.message}${error.message.includes(code.slice(2, -1)) ? '' : code}`
}

import { AppError, type ErrorCode } from '../core/errors.ts'
import { isAllowed, type Principal } from '../core/principal.ts'

/**
 * Errors that the store or its engine worded: they may tell addresses, sizes, or a piece of a statement. What somebody
 * hears instead who may not see figures about the server.
 */
const INSTEAD: Partial<Record<ErrorCode, string>> = {
  STORE_UNREACHABLE: 'The store does not answer at the moment.',
  STORE_FAILED: 'The store could not do this.',
  STORE_DATA_REFUSED: 'The store could not do this.',
  ENGINE_UNAVAILABLE: 'The store does not answer at the moment.',
  ENGINE_LOCKED: 'The store does not answer at the moment.',
  QUERY_TIMEOUT: 'The query took longer than it may.',
  QUERY_TOO_COSTLY: 'The query would read, hold or answer more than it may.',
  QUERY_TOO_LARGE: 'The query is too large for the store.',
}

/** The error as this principal may hear it. Those of the query room have `problems` and stay as they are. */
export function discreet(error: AppError, principal: Principal): AppError {
  const detail = INSTEAD[error.code]
  if (detail === undefined || error.problems !== undefined || isAllowed(principal, 'figures')) return error
  const { hint, retryAfterSeconds } = error
  return new AppError(error.code, {
    cause: error,
    detail,
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}

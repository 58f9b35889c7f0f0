import { AppError, type ErrorCode } from '../core/errors.ts'

/** Codes of fastify's own errors that are the caller's fault, and what they are called here. */
const BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_VALIDATION: 'REQUEST_INVALID',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'CONTENT_TYPE_UNSUPPORTED',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'REQUEST_INVALID',
  FST_ERR_CTP_INVALID_JSON_BODY: 'REQUEST_INVALID',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BODY_UNREADABLE',
  FST_ERR_BAD_URL: 'REQUEST_INVALID',
}

/** Instead of what fastify says, which repeats the whole address. */
const DETAILS: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'the path is not properly percent-encoded',
  FST_ERR_MAX_PARAM_LENGTH: 'a part of the path is too long',
}

/** Whatever was thrown while a request was handled → the error that its sender gets to see. */
export function problemOf(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { code = '', message, statusCode, validation } = readable(error)
  const known = validation === undefined ? BY_FASTIFY_CODE[code] : 'REQUEST_INVALID'
  const detail = DETAILS[code] ?? message
  if (known === 'CONTENT_TYPE_UNSUPPORTED') {
    return new AppError(known, { cause: error, detail, hint: 'Send content-type: application/json.' })
  }
  if (known) return new AppError(known, { cause: error, detail })
  // What went wrong inside is for the log, not for strangers: only fastify's own texts are meant for them.
  const isCallers = statusCode !== undefined && statusCode >= 400 && statusCode < 500
  if (!isCallers) return new AppError('INTERNAL', { cause: error })
  return new AppError('REQUEST_INVALID', { cause: error, ...(code.startsWith('FST_') ? { detail } : {}) })
}

function readable(error: unknown): { code?: string; message: string; statusCode?: number; validation?: unknown } {
  if (typeof error !== 'object' || error === null) return { message: String(error) }
  const { code, message, statusCode, validation } = error as Record<string, unknown>
  return {
    message: typeof message === 'string' ? message : 'no message',
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof statusCode === 'number' ? { statusCode } : {}),
    ...(validation === undefined || validation === null ? {} : { validation }),
  }
}

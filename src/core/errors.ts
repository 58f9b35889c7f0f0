/**
 * The one catalogue of errors that a person or a program can meet: code → HTTP status, text, whether trying again may
 * help. Codes are stable. `docs/reference/errors.md` documents each of them, and a test holds the two together.
 */

interface ErrorEntry {
  status: number
  title: string
  retryable: boolean
}

export const ERRORS = {
  BODY_TOO_LARGE: { status: 413, title: 'The body is larger than the limit', retryable: false },
  BODY_UNREADABLE: { status: 400, title: 'The body could not be read', retryable: false },
  BODY_TIMEOUT: { status: 408, title: 'The body arrived too slowly', retryable: true },
  CONTENT_TYPE_UNSUPPORTED: { status: 415, title: 'This content type is not accepted here', retryable: false },
  CONTENT_ENCODING_UNSUPPORTED: { status: 415, title: 'This content encoding is not accepted here', retryable: false },
  NOTHING_ACCEPTED: { status: 400, title: 'No event in the body could be accepted', retryable: false },
  REQUEST_INVALID: { status: 400, title: 'The request is not valid', retryable: false },
  NOT_FOUND: { status: 404, title: 'There is nothing at this address', retryable: false },
  AGENT_STARTING: { status: 503, title: 'It is not known yet which deliveries have arrived', retryable: true },
  ROWS_INVALID: { status: 400, title: 'The rows of the delivery cannot be stored', retryable: false },
  AGENT_REPLACED: { status: 409, title: 'Another process of this agent has taken its place', retryable: false },
  EVENTLOG_STARTING: { status: 503, title: 'The event log does not know yet what it has', retryable: true },
  PAGE_OPEN: { status: 425, title: 'The page is not closed yet', retryable: true },
  PAGE_DELETED: { status: 410, title: 'The page has been deleted', retryable: false },
  EVENT_NOT_FOUND: { status: 404, title: 'No event has this id', retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This method is not allowed here', retryable: false },
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests at once', retryable: true },
  KEY_REQUIRED: { status: 401, title: 'This needs a key', retryable: false },
  KEY_REFUSED: { status: 401, title: 'The key is not valid', retryable: false },
  SIGNATURE_REFUSED: { status: 401, title: 'The signature is not valid', retryable: false },
  ACCESS_DENIED: { status: 403, title: 'The key does not allow this', retryable: false },
  ORIGIN_REFUSED: {
    status: 403,
    title: 'Requests from this page or to this host name are not accepted',
    retryable: false,
  },
  HOST_NOT_FOUND: { status: 404, title: 'No event came from this host', retryable: false },
  KEY_NOT_FOUND: { status: 404, title: 'No key has this id', retryable: false },
  KEYS_FULL: { status: 409, title: 'The table of keys is full', retryable: false },
  KEYS_WRITE_FAILED: { status: 503, title: 'The table of keys could not be changed', retryable: true },
  SAVED_NOT_FOUND: { status: 404, title: 'Nothing is saved under this id', retryable: false },
  SAVED_FULL: { status: 409, title: 'There is no room to save another', retryable: false },
  SAVED_CHANGED: { status: 409, title: 'Somebody else has changed it meanwhile', retryable: false },
  SAVED_WRITE_FAILED: { status: 503, title: 'It could not be saved', retryable: true },
  HEADERS_TOO_LARGE: { status: 431, title: 'The headers are larger than the limit', retryable: false },
  INTERNAL: { status: 500, title: 'Something went wrong inside the server', retryable: false },
  SERVER_CLOSING: { status: 503, title: 'The server is shutting down', retryable: true },

  STREAM_NOT_FOUND: { status: 404, title: 'No stream has this name', retryable: false },
  STREAM_EXISTS: { status: 409, title: 'A stream has this name already', retryable: false },
  STREAM_FINISHED: { status: 409, title: 'The stream is finished', retryable: false },
  STREAM_TAKEN_OVER: { status: 409, title: 'The stream is no longer written by this request', retryable: false },
  STREAM_OFFSET_WRONG: { status: 416, title: 'The stream does not go on at this byte', retryable: false },
  STREAM_RANGE_WRONG: { status: 416, title: 'The stream does not have these bytes', retryable: false },
  STREAM_SHARES_FULL: { status: 409, title: 'There are too many links to the stream', retryable: false },
  STREAM_WRITE_FAILED: { status: 503, title: 'The stream could not be written', retryable: true },
  STREAMS_FULL: { status: 507, title: 'There is no room for more of the stream', retryable: true },
  SHARE_NOT_FOUND: { status: 404, title: 'This link shows nothing, or not any more', retryable: false },

  SPOOL_FULL: { status: 503, title: 'The spool has reached its size limit', retryable: true },
  SPOOL_WRITE_FAILED: { status: 503, title: 'The spool could not be written', retryable: true },

  STORE_UNREACHABLE: { status: 503, title: 'The store does not answer', retryable: true },
  STORE_FAILED: { status: 500, title: 'The store could not do what was asked', retryable: false },
  STORE_DATA_REFUSED: { status: 500, title: 'The store refused the data', retryable: false },
  STORAGE_IN_MEMORY: { status: 409, title: 'Storage in memory cannot do this', retryable: false },
  ENGINE_UNAVAILABLE: { status: 503, title: 'The embedded engine cannot run on this machine', retryable: false },
  ENGINE_LOCKED: { status: 503, title: 'Another process is using this data folder', retryable: false },

  QUERY_SYNTAX: { status: 400, title: 'The query cannot be understood', retryable: false },
  QUERY_INVALID: { status: 400, title: 'The query has mistakes', retryable: false },
  QUERY_TOO_LARGE: { status: 400, title: 'The query is larger than the limit', retryable: false },
  QUERY_TIMEOUT: { status: 408, title: 'The query took longer than the limit', retryable: true },
  QUERY_TOO_COSTLY: { status: 413, title: 'The query needs more than the limit allows', retryable: false },
  QUERY_CANCELLED: { status: 499, title: 'The reader went away', retryable: false },
  CURSOR_INVALID: { status: 400, title: 'The cursor is not valid', retryable: false },
  TIME_INVALID: { status: 400, title: 'The time cannot be understood', retryable: false },

  CONFIG_INVALID: { status: 500, title: 'The configuration is not valid', retryable: false },
  LISTEN_FAILED: { status: 500, title: 'An address could not be listened on', retryable: false },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

export interface AppErrorOptions {
  cause?: unknown
  /** What exactly went wrong this time, in one sentence for a person. */
  detail?: string
  /** What to do about it. */
  hint?: string
  /** Seconds after which trying again makes sense: the Retry-After header. */
  retryAfterSeconds?: number
  /** Positions of mistakes and the like: goes into the problem document as it is. */
  problems?: readonly unknown[]
}

/** The caller's fault or the world's, with a stable code. Our own faults are plain errors. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly problems: readonly unknown[] | undefined

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.detail ?? ERRORS[code].title, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.detail = options.detail
    this.hint = options.hint
    this.retryAfterSeconds = options.retryAfterSeconds
    this.problems = options.problems
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get title(): string {
    return ERRORS[this.code].title
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }
}

/** RFC 9457 problem document. */
export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail: string
  hint?: string
  problems?: readonly unknown[]
}

export function problemDocument(error: AppError): Problem {
  return {
    type: `urn:tailrace:error:${error.code}`,
    title: error.title,
    status: error.status,
    code: error.code,
    detail: error.detail ?? error.title,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.problems === undefined ? {} : { problems: error.problems }),
  }
}

/** Numbers and names of cmd.proto (logd, the version that its README describes). */

export const FIELD = {
  command: { name: 1, message: 2, query: 3 },
  message: {
    time: 1,
    level: 6,
    text: 7,
    stackTrace: 8,
    httpMethod: 9,
    url: 10,
    responseStatus: 11,
    key: 12,
  },
  query: {
    offset: 1,
    limit: 2,
    start: 3,
    end: 4,
    level: 8,
    text: 9,
    httpMethod: 10,
    url: 11,
    responseStatus: 12,
    keyPrefix: 13,
  },
  /** google.protobuf.Timestamp. */
  time: { seconds: 1, nanoseconds: 2 },
} as const

/** Commands by number. */
export const COMMANDS = ['write', 'tail', 'ping', 'query'] as const
export type LogdCommandName = (typeof COMMANDS)[number]

/** Levels by number. */
export const LEVELS = ['unknown', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogdLevel = (typeof LEVELS)[number]

/** HTTP methods by number. */
export const METHODS = ['METHOD_UNKNOWN', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const
export type LogdMethod = (typeof METHODS)[number]

/** The key that the server's own words bear, and those words. */
export const CONTROL_KEY = '//logd'
export const CONTROL_TEXT = {
  tailing: '\rtailing logs\x1b[0K',
  kick: 'kick',
  end: '+END',
} as const

/** Where logd listens. */
export const LOGD_PORT = 6102

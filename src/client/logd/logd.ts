/**
 * `tailrace/logd`: writes to a logd server, Tailrace or the original, and reads from one. `docs/sources/logd.md` shows
 * how. Start at `logger.ts`; `tail.ts` and `query.ts` are for reading.
 */
export { createLogger, type Logger, type LoggerOptions, type LoggerStats } from './logger.ts'
export { tail, type LogdNotice, type LogdTailFilters, type LogdTailItem, type LogdTailOptions } from './tail.ts'
export { LogdSilence, query, type LogdQueryOptions } from './query.ts'
export { open, sign, type LogdCredentials, type OpenCommand } from './credentials.ts'
export type { RateLimit } from './token-bucket.ts'
export type { LogdContent } from './content.ts'
export type { LogdCommand, LogdMessage, LogdQuery } from '../../wire/logd/message.ts'
export type { LogdLevel, LogdMethod } from '../../wire/logd/fields.ts'

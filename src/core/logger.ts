/** What rooms need of a logger; pino satisfies it. `fields` first, then a sentence without variable parts. */
export interface Logger {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

/** Says nothing: for tests and tools. */
export const SILENT_LOGGER: Logger = { debug() {}, info() {}, warn() {}, error() {} }

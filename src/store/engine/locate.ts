import { createRequire } from 'node:module'
import { AppError } from '../../core/errors.ts'

/** Path of the engine's shared library. Throws ENGINE_UNAVAILABLE naming the package that is missing. */
export function locateEngine(env: NodeJS.ProcessEnv = process.env): string {
  const require = createRequire(import.meta.url)
  try {
    require.resolve('ffi-rs')
    const { libchdbPath } = require('chdb/libchdb') as { libchdbPath(options: { env: NodeJS.ProcessEnv }): string }
    return libchdbPath({ env })
  } catch (cause) {
    throw new AppError('ENGINE_UNAVAILABLE', {
      cause,
      detail: `The embedded engine is not available on ${process.platform}-${process.arch}: ${messageOf(cause)}`,
      hint:
        'It comes with npm for Linux (x64, arm64, glibc) and macOS as an optional package of chdb and ffi-rs: ' +
        'install without --omit=optional, or use a ClickHouse server with --store https://user@host:8443/database.',
    })
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
}

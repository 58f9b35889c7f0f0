import { AppError } from '../core/errors.ts'

/** LISTEN_FAILED for an address that cannot be had, in words instead of the system's. */
export function listenFailure(place: string, cause: NodeJS.ErrnoException, hint?: string): AppError {
  const why = REASONS[cause.code ?? ''] ?? cause.message
  return new AppError('LISTEN_FAILED', { cause, detail: `${place}: ${why}`, ...(hint !== undefined && { hint }) })
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is taken by another process',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not; ports below 1024 are often kept for the system',
}

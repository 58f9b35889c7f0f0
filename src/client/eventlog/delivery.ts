import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { backoffMs, type Patience } from '../backoff.ts'
import type { Connection } from '../connection.ts'
import { ServerAway, ServerProblem } from '../failures.ts'

const REFUSED = 'refused.ndjson'
/** Smaller bodies are not worth compressing. */
const GZIP_BYTES_MIN = 4096
const compress = promisify(gzip)

export interface DeliveryOptions {
  dir: string
  connection: Pick<Connection, 'json'>
  patience: Patience
  signal: AbortSignal
  onTrouble: (reason: string) => void
  onRefused: (count: number) => void
}

/**
 * Resolves when every line is stored by the server, or set aside in `refused.ndjson` because the server will never take
 * it. Tries without end, in the pace of the server; rejects only when the signal aborts.
 */
export async function deliver(lines: readonly Buffer[], options: DeliveryOptions): Promise<void> {
  let attempt = 0
  for (;;) {
    try {
      await submit(lines, options)
      return
    } catch (error) {
      options.signal.throwIfAborted()
      if (isAboutTheLines(error)) return await deliverApart(lines, error, options)
      if (!(error instanceof ServerProblem || error instanceof ServerAway)) throw error
      options.onTrouble(error.message)
      const asked = error instanceof ServerProblem ? (error.retryAfterMs ?? 0) : 0
      await options.patience.wait(Math.max(asked, backoffMs(attempt++, options.patience.random)), options.signal)
    }
  }
}

async function submit(lines: readonly Buffer[], { connection, signal }: DeliveryOptions): Promise<void> {
  const parts = lines.flatMap((line, index) => [index === 0 ? OPEN : COMMA, line])
  const plain = Buffer.concat([...parts, CLOSE])
  const isWorthIt = plain.length >= GZIP_BYTES_MIN
  const body = isWorthIt ? await compress(plain, { level: 1 }) : plain
  await connection.json('/api/v1/eventlog', {
    method: 'POST',
    // A clock that is wrong here must not cost an event.
    parameters: { skew: 'replace' },
    headers: { 'content-type': 'application/json', ...(isWorthIt ? { 'content-encoding': 'gzip' } : {}) },
    body,
    signal,
  })
}

const OPEN = Buffer.from('[')
const COMMA = Buffer.from(',')
const CLOSE = Buffer.from(']')

/** Whether trying the same again cannot help, and fewer lines can: not for a key that is refused, say. */
function isAboutTheLines(error: unknown): error is ServerProblem {
  return error instanceof ServerProblem && (error.status === 400 || error.status === 413)
}

/** Halves the lines until the ones at fault stand alone; those are set aside. */
async function deliverApart(lines: readonly Buffer[], error: ServerProblem, options: DeliveryOptions): Promise<void> {
  if (lines.length > 1) {
    const middle = lines.length >> 1
    await deliver(lines.slice(0, middle), options)
    await deliver(lines.slice(middle), options)
    return
  }
  const [line = Buffer.alloc(0)] = lines
  const entry = JSON.stringify({ at: new Date().toISOString(), reason: error.message, line: line.toString() })
  appendFileSync(join(options.dir, REFUSED), `${entry}\n`, { mode: 0o600 })
  options.onRefused(1)
}

import { Readable } from 'node:stream'
import { AppError } from '../core/errors.ts'

/** Bytes held between the socket and the reader of a body. */
const BUFFER_BYTES = 128 * 1024

/**
 * A body as its reader asks for it: fails with BODY_TIMEOUT when the reader waits and nothing comes for `idleMs`, and
 * with BODY_UNREADABLE when the sender goes away before the end. Time during which the reader does not ask is not
 * counted against the sender. `onRead` is called when the reader asks for the first time.
 */
export function bodyStream(source: Readable, idleMs: number, onRead?: () => void): Readable {
  let timer: NodeJS.Timeout | undefined
  let isRead = false
  const body = new Readable({
    highWaterMark: BUFFER_BYTES,
    read() {
      if (!isRead) onRead?.()
      isRead = true
      timer ??= setTimeout(() => body.destroy(timeoutError(idleMs)), idleMs)
      source.resume()
    },
    destroy(error, done) {
      clearTimeout(timer)
      source.off('data', onData)
      // The connection stays: an answer may follow. What still arrives is read and dropped by the server.
      done(error)
    },
  })
  const onData = (chunk: Buffer): void => {
    clearTimeout(timer)
    timer = undefined
    if (!body.push(chunk)) source.pause()
  }
  const onGone = (cause?: unknown): void => {
    if (body.readableEnded || body.destroyed) return
    body.destroy(
      new AppError('BODY_UNREADABLE', { cause, detail: 'the connection ended before the body was complete' }),
    )
  }
  // A body that nobody reads, or not to its end, may fail as well: without a listener that would end the process.
  body.on('error', () => undefined)
  source.on('data', onData)
  source.once('end', () => {
    clearTimeout(timer)
    body.push(null)
  })
  source.once('error', onGone)
  source.once('aborted', onGone)
  source.pause()
  return body
}

function timeoutError(idleMs: number): AppError {
  return new AppError('BODY_TIMEOUT', { detail: `no byte of the body came for ${idleMs} ms` })
}

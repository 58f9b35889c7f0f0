import { Readable } from 'node:stream'
import { setImmediate as eventLoopTurn } from 'node:timers/promises'

/** Lines are handed on in pieces of about this size, or sooner when they come slowly. */
const PIECE_CHARS = 32 * 1024
const PIECE_MS_MAX = 100

/** Bytes are handed on as they are. */
type Part = string | Uint8Array

/**
 * Lines → a body that is made as fast as the reader takes it. Resolves with the first piece in hand, so that what
 * fails before it is still a proper error answer. When the lines fail later, `onFailure` may give a last line that says
 * so; else the body is cut off, which HTTP shows the reader as an incomplete answer.
 */
export async function streamBody(
  lines: AsyncIterable<Part>,
  onFailure: (error: unknown) => string | undefined,
): Promise<Readable> {
  const pieces = gather(lines)[Symbol.asyncIterator]()
  const first = await pieces.next()
  return Readable.from(follow(first, pieces, onFailure), { objectMode: false, highWaterMark: PIECE_CHARS })
}

async function* follow(
  first: IteratorResult<Part>,
  pieces: AsyncIterator<Part>,
  onFailure: (error: unknown) => string | undefined,
): AsyncGenerator<Part> {
  try {
    for (let piece = first; piece.done !== true; piece = await pieces.next()) yield piece.value
  } catch (error) {
    const last = onFailure(error)
    if (last === undefined) throw error
    yield last
  } finally {
    await pieces.return?.()
  }
}

async function* gather(lines: AsyncIterable<Part>): AsyncGenerator<Part> {
  let piece = ''
  let startedMs = performance.now()
  try {
    for await (const line of lines) {
      if (typeof line !== 'string') {
        if (piece !== '') yield piece
        piece = ''
        // They come from a socket, so others have had their turn.
        yield line
        continue
      }
      piece += line
      if (piece.length < PIECE_CHARS && performance.now() - startedMs < PIECE_MS_MAX) continue
      yield piece
      piece = ''
      // Rows that are there already would otherwise keep everybody else waiting until the last of them.
      await eventLoopTurn()
      startedMs = performance.now()
    }
  } catch (error) {
    // What came before the failure is still good.
    if (piece !== '') yield piece
    throw error
  }
  if (piece !== '') yield piece
}

import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Counters } from '../core/counters.ts'
import { AppError, problemDocument } from '../core/errors.ts'
import { HARDENING_HEADERS } from './http-hardening.ts'

/** How long a refused sender may go on, to no effect. Closing at once may destroy the answer on its way. */
const LINGER_MS = 1000

const REASONS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'slow_headers',
  HPE_HEADER_OVERFLOW: 'large_headers',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'large_extensions',
  // Bytes after a request that was to be the last one: its answer ends the connection.
  HPE_CLOSED_CONNECTION: 'after_end',
}

const HARDENING = Object.entries(HARDENING_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')

/** Answers what is no HTTP, or whose headers are too large or too slow, and closes the connection. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, counters: Counters): void {
  // More of what was refused already.
  if (socket.writableEnded) return
  const { code = '' } = error
  // What does not come from the parser comes from the connection.
  const reason = REASONS[code] ?? (code.startsWith('HPE_') ? 'malformed' : 'broken')
  counters.add('http_malformed_requests_total', { reason })
  const answer = currentAnswer(socket)
  if (reason === 'after_end' && answer) return
  if (!socket.writable || reason === 'broken') {
    socket.destroy(error)
    return
  }
  // In the middle of another answer a second one would be taken for a part of it.
  if (answer?.headersSent) socket.end()
  else socket.end(lastAnswer(problemFor(reason)))
  const cutOff = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(cutOff))
}

/** The bytes of an answer after which the connection is closed, for where there is no request to reply to. */
export function lastAnswer(problem: AppError): string {
  const text = JSON.stringify(problemDocument(problem))
  return (
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nconnection: close\r\n${HARDENING}` +
    `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  )
}

function currentAnswer(socket: Socket): ServerResponse | undefined {
  // Node's own handling of such errors looks at the same property; there is no public one.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null }
  return answer ?? undefined
}

function problemFor(reason: string): AppError {
  switch (reason) {
    case 'slow_headers':
      return new AppError('BODY_TIMEOUT', { detail: 'the headers arrived too slowly' })
    case 'large_headers':
      return new AppError('HEADERS_TOO_LARGE')
    case 'large_extensions':
      return new AppError('BODY_TOO_LARGE', { detail: 'the extensions of a chunk are too large' })
    default:
      return new AppError('REQUEST_INVALID', { detail: 'this is not a valid HTTP request' })
  }
}

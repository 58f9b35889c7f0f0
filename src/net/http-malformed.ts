import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Counters } from '../core/counters.ts'
import { AppError, problemDocument } from '../core/errors.ts'
import { HARDENING_HEADERS } from './http-hardening.ts'

/** How long a refused sender may take to close its side. Closing at once may destroy the answer on its way. */
const LINGER_MS = 1000

const REASONS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'slow_headers',
  HPE_HEADER_OVERFLOW: 'large_headers',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'large_extensions',
  ECONNRESET: 'reset',
}

const HARDENING = Object.entries(HARDENING_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')

/** Answers what is no HTTP, or whose headers are too large or too slow, and closes the connection. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, counters: Counters): void {
  const reason = REASONS[error.code ?? ''] ?? 'malformed'
  counters.add('http_malformed_requests_total', { reason })
  if (!socket.writable || reason === 'reset' || isAnswering(socket)) {
    socket.destroy(error)
    return
  }
  socket.end(lastAnswer(problemFor(reason)))
  socket.setTimeout(LINGER_MS, () => socket.destroy())
}

/** The bytes of an answer after which the connection is closed, for where there is no request to reply to. */
export function lastAnswer(problem: AppError): string {
  const text = JSON.stringify(problemDocument(problem))
  return (
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nconnection: close\r\n${HARDENING}` +
    `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  )
}

/** In the middle of another answer a second one would be taken for a part of it. */
function isAnswering(socket: Socket): boolean {
  // Node's own handling of such errors looks at the same property; there is no public one.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null }
  return answer?.headersSent === true
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

import { AppError } from '../core/errors.ts'
import { SIGNATURE_HEADERS } from '../core/signing.ts'
import type { RequestHead } from './access.ts'

/** What a request shows about who sends it. */
export type Presented =
  | { kind: 'nothing' }
  | { kind: 'authorization'; header: string }
  | { kind: 'cookie'; session: string }
  | { kind: 'signature' }

/** With the prefix a browser takes the cookie from this very host over TLS only: so it comes first. */
const COOKIE_NAMES = ['__Host-tailrace_session', 'tailrace_session']
const OWN_PREFIX = 'tailrace-'

/**
 * Exactly one way per request. Throws REQUEST_INVALID when there are two, or a header of ours twice: which of them
 * counts is nothing that two programs on the way have to agree about. A cookie, which browsers send unasked, gives way.
 */
export function readPresented({ headers, rawHeaders }: RequestHead): Presented {
  assertSingle(rawHeaders)
  const isSigned = headers[SIGNATURE_HEADERS.signature] !== undefined || headers[SIGNATURE_HEADERS.key] !== undefined
  const { authorization, cookie } = headers
  if (authorization !== undefined && isSigned) {
    throw new AppError('REQUEST_INVALID', {
      detail: 'The request shows a key and a signature.',
      hint: 'Send either Authorization or the Tailrace headers of a signed request.',
    })
  }
  if (isSigned) return { kind: 'signature' }
  if (authorization !== undefined) return { kind: 'authorization', header: String(authorization) }
  if (typeof cookie === 'string') {
    const session = sessionIn(cookie)
    if (session !== undefined) return { kind: 'cookie', session }
  }
  return { kind: 'nothing' }
}

/** Node drops or joins headers that were sent twice: only the raw ones show it. */
function assertSingle(rawHeaders: readonly string[]): void {
  let seen: Set<string> | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (!isOurs(name)) continue
    const plain = name.toLowerCase()
    seen ??= new Set()
    if (seen.has(plain)) {
      throw new AppError('REQUEST_INVALID', {
        detail: `The header ${plain} was sent twice.`,
        hint: 'Send it once.',
      })
    }
    seen.add(plain)
  }
}

function isOurs(name: string): boolean {
  // The lengths rule most headers out without making a new text.
  if (name.length === 13) return name.toLowerCase() === 'authorization' || hasOwnPrefix(name)
  if (name.length === 4) return name.toLowerCase() === 'host'
  return hasOwnPrefix(name)
}

function hasOwnPrefix(name: string): boolean {
  if (name.length <= OWN_PREFIX.length) return false
  const first = name[0]
  return (first === 't' || first === 'T') && name.slice(0, OWN_PREFIX.length).toLowerCase() === OWN_PREFIX
}

/** RFC 6265 §5.4. Another value of the same name was set by a neighbour: none of them can be told to be ours. */
function sessionIn(cookie: string): string | undefined {
  if (!cookie.includes('tailrace_session=')) return undefined
  const pairs = cookie.split(';').map((pair) => pair.trim())
  for (const name of COOKIE_NAMES) {
    const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
    if (new Set(values).size > 1) {
      throw new AppError('REQUEST_INVALID', {
        detail: `The cookie ${name} was sent with two values.`,
        hint: 'Remove the cookies of this site in the browser and log in again.',
      })
    }
    if (values[0] !== undefined && values[0] !== '') return values[0]
  }
  return undefined
}

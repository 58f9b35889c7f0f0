import type { Problem } from '../core/errors.ts'

/** The server answered that it will not or cannot do it: an RFC 9457 problem document, or what came instead of one. */
export class ServerProblem extends Error {
  override readonly name = 'ServerProblem'
  readonly status: number
  /** Stable, from the server's catalogue of errors; `ANSWER_UNEXPECTED` when the answer was no problem document. */
  readonly code: string
  readonly title: string
  readonly hint: string | undefined
  /** Positions of mistakes, rejected lines and the like, as the server gave them. */
  readonly problems: readonly unknown[]
  /** How long the server asks to wait (Retry-After). */
  readonly retryAfterMs: number | undefined
  /** How far the server's clock is ahead of ours, to a second or so, by the header Date. */
  readonly clockAheadMs: number | undefined

  constructor(problem: Partial<Problem> & { status: number }, { retryAfterMs, clockAheadMs }: AnswerTimes = {}) {
    const title = problem.title ?? `The server answered ${problem.status}`
    super(problem.detail ?? title)
    this.status = problem.status
    this.code = problem.code ?? 'ANSWER_UNEXPECTED'
    this.title = title
    this.hint = problem.hint
    this.problems = problem.problems ?? []
    this.retryAfterMs = retryAfterMs
    this.clockAheadMs = clockAheadMs
  }

  /** Whether the same request may succeed later. */
  get isTemporary(): boolean {
    return TEMPORARY_STATUSES.has(this.status)
  }
}

/** What the headers of an answer say about time. */
export interface AnswerTimes {
  retryAfterMs?: number | undefined
  clockAheadMs?: number | undefined
}

const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/**
 * What of TLS stood in the way: `untrusted` (nobody known vouches for the server's certificate), `authority` (nor does
 * the one that was named), `name` (the certificate is for other hosts), `fingerprint` (it is another one than expected),
 * `client-certificate` (the server wants one), `other-client-certificate` (another one than it was shown), `plain` (the
 * server speaks no TLS). Trying again does not help.
 */
export type TlsObstacle =
  | 'untrusted'
  | 'authority'
  | 'name'
  | 'fingerprint'
  | 'client-certificate'
  | 'other-client-certificate'
  | 'plain'

/** What else is known about a request that failed. */
export interface AwayCircumstances {
  /** An authority, or a certificate, was named to know the server by. */
  hasAuthority?: boolean
  /** The client has a certificate to show. */
  hasCertificate?: boolean
  /** The connection is a new one, with TLS, on which the server has not answered anything yet. */
  isNewSecure?: boolean
  /** False: there was no connection yet on which anything could have been sent. */
  isConnected?: boolean
}

/** There was no answer, or it broke off: refused, unknown host, reset, silence, untrusted certificate. */
export class ServerAway extends Error {
  override readonly name = 'ServerAway'
  readonly url: string
  /** In a few words: `connection refused`. */
  readonly reason: string
  readonly obstacle: TlsObstacle | undefined
  /** What the obstacle may be, though it looks like an outage: trying again may help. */
  readonly suspicion: TlsObstacle | undefined
  /** Nothing of the request can have arrived; otherwise the server may have done what was asked. */
  readonly isUnsent: boolean

  constructor(url: string, cause: unknown, circumstances: AwayCircumstances = {}) {
    const { reason, obstacle, suspicion } = diagnose(cause, circumstances)
    super(`No answer from ${url}: ${reason}`, { cause })
    this.url = url
    this.reason = reason
    this.obstacle = obstacle
    this.suspicion = suspicion
    this.isUnsent = obstacle !== undefined || circumstances.isConnected === false
  }
}

const CUT = 'the connection was cut'
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: CUT,
  EPIPE: CUT,
  ECONNABORTED: CUT,
  ERR_STREAM_PREMATURE_CLOSE: CUT,
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer in time',
}

const UNKNOWN_AUTHORITY = 'its certificate is from an authority that is not known here'
/** OpenSSL's verdicts about the server's certificate. */
const UNTRUSTED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: 'its certificate bears a false signature',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  CERT_UNTRUSTED: UNKNOWN_AUTHORITY,
  INVALID_PURPOSE: 'its certificate is not for servers',
}

/** What the words of OpenSSL mean, which come in several wrappings. */
const TLS_WORDS: readonly (readonly [words: RegExp, reason: string, obstacle?: TlsObstacle])[] = [
  [/wrong version number|packet length too long/, 'it speaks no TLS', 'plain'],
  [
    /certificate required|alert handshake failure|alert bad certificate|alert unknown ca/,
    'it wants a certificate of this client, one that it knows',
    'client-certificate',
  ],
  [/alert protocol version|unsupported protocol/, 'it speaks only other versions of TLS'],
]

interface Diagnosis {
  reason: string
  obstacle?: TlsObstacle | undefined
  suspicion?: TlsObstacle | undefined
}

/** Verdicts that another authority could change. */
const BY_AUTHORITY = new Set([UNKNOWN_AUTHORITY, UNTRUSTED['DEPTH_ZERO_SELF_SIGNED_CERT']])
/** How Node.js says that the connection ended in the middle of the handshake. */
const EARLY_END = /before secure TLS connection/

function diagnose(cause: unknown, circumstances: AwayCircumstances): Diagnosis {
  if (cause instanceof AggregateError && cause.errors.length > 0) return diagnose(cause.errors[0], circumstances)
  const { code = '', message } = cause as { code?: string; message?: string }
  const { hasAuthority, hasCertificate, isNewSecure } = circumstances
  const wanted = hasCertificate ? 'other-client-certificate' : 'client-certificate'
  const verdict = UNTRUSTED[code]
  if (verdict !== undefined) {
    return { reason: verdict, obstacle: hasAuthority && BY_AUTHORITY.has(verdict) ? 'authority' : 'untrusted' }
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { reason: otherName(cause as NameMismatch), obstacle: 'name' }
  if (code === 'FINGERPRINT_MISMATCH' && message !== undefined) return { reason: message, obstacle: 'fingerprint' }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const words = `${code.replaceAll('_', ' ')} ${message}`.toLowerCase()
    const [, reason, obstacle] = TLS_WORDS.find(([pattern]) => pattern.test(words)) ?? []
    if (reason !== undefined) return { reason, obstacle: obstacle === 'client-certificate' ? wanted : obstacle }
  }
  const reason = REASONS[code] ?? message ?? String(cause)
  // A server that does not accept the client's certificate may end the connection without a word once it has seen it:
  // with TLS 1.3 after the handshake, with TLS 1.2 in the middle of it.
  const isSuspect = isNewSecure === true && reason === CUT && (hasCertificate || !EARLY_END.test(message ?? ''))
  return { reason, suspicion: isSuspect ? wanted : undefined }
}

/** As Node.js throws it; the names are those of the certificate. */
interface NameMismatch {
  host?: string
  cert?: { subjectaltname?: string }
}

/** Names of a certificate that are shown. */
const NAMES_MAX = 8

/** `its certificate is for a.example and 10.0.0.1, not for localhost` */
function otherName({ host, cert }: NameMismatch): string {
  const names = (cert?.subjectaltname ?? '')
    .split(', ')
    .flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? [])
  const shown = names.length > NAMES_MAX ? [...names.slice(0, NAMES_MAX), '…'] : names
  return `its certificate is for ${shown.join(', ') || 'no host name'}, not for ${host ?? 'this one'}`
}

import { randomBytes } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import { eventSignature, requestSignature, SIGNATURE_HEADERS } from '../core/signing.ts'
import type { RequestHead } from './access.ts'
import { stampProblem } from './key-rules.ts'
import type { KeyEntry, Keyring } from './keyring.ts'
import type { RefusalReason, Refusals } from './refusals.ts'
import type { ReplayWindow } from './replays.ts'
import { isSameSecret } from './secrets.ts'

/** What a signature vouches for besides its key: the body, or what an event says of itself. */
export type Signed =
  | { kind: 'request'; key: KeyEntry; bodySha256: Buffer }
  | { kind: 'event'; key: KeyEntry; service: string; level: string }

export interface SignatureContext {
  keyring: Keyring
  replays: ReplayWindow
  refusals: Refusals
}

const SIGNATURE = /^(v1|e1)=([0-9a-f]{64})$/
const TIMESTAMP = /^[1-9]\d{0,15}$/
const SHA256_HEX = /^[0-9a-f]{64}$/

/** Signs in place of keys that do not exist, so that these take as long to refuse. */
const NO_KEY = randomBytes(32)

interface Claim {
  signature: string
  timestampMs: number
  /** What the signature would have to be. */
  expected(signingKey: Uint8Array): string
  signed(key: KeyEntry): Signed
}

/**
 * Checks a signed request and remembers its signature. Throws REQUEST_INVALID for what is no signed request,
 * SIGNATURE_REFUSED, and TOO_MANY_REQUESTS when there is no room to remember it.
 */
export function checkSignature(head: RequestHead, nowMs: number, context: SignatureContext): Signed {
  const { keyring, replays, refusals } = context
  const keyId = headerOf(head, 'key')
  const claim = readClaim(head, refusals)
  // Depends on the request alone, so it may be told.
  if (!replays.isTimely(claim.timestampMs, nowMs)) throw timeRefused(claim, nowMs, context)
  const key = keyring.entry(keyId)
  const isGenuine = isSameSecret(claim.signature, claim.expected(key?.signingKey ?? NO_KEY))
  const reason = refusalOf(key, isGenuine, head.address, nowMs)
  if (!key || reason) throw refusals.signature(reason ?? 'unknown')
  admit(claim, nowMs, context)
  return claim.signed(key)
}

function refusalOf(
  key: KeyEntry | undefined,
  isGenuine: boolean,
  address: string,
  nowMs: number,
): RefusalReason | undefined {
  if (!key) return 'unknown'
  if (key.record.revokedMs !== null) return 'revoked'
  if (!isGenuine || !key.signingKey) return 'signature_value'
  if (key.isOver(nowMs)) return 'expired'
  return key.allowsAddress(address) ? undefined : 'address'
}

function admit(claim: Claim, nowMs: number, context: SignatureContext): void {
  const { signature, timestampMs } = claim
  const { replays, refusals } = context
  // A text of its own, of 32 characters: a part of the header's text would keep all of it in memory.
  const remembered = Buffer.from(signature.slice(3), 'hex').toString('latin1')
  const verdict = replays.admit(remembered, timestampMs, nowMs)
  if (verdict === 'fresh') return
  if (verdict === 'time') throw timeRefused(claim, nowMs, context)
  if (verdict === 'replayed') {
    throw refusals.signature('signature_replayed', {
      detail: 'This signature was received before.',
      hint: 'Sign anew for every attempt, with a time that is one millisecond later at least.',
      retryAfterSeconds: 1,
    })
  }
  refusals.count('signature_full')
  throw new AppError('TOO_MANY_REQUESTS', {
    detail: 'access.signaturesMax signatures are remembered, and there is no room for another one.',
    hint: 'Raise it, or sign larger requests.',
    retryAfterSeconds: replays.roomInSeconds(nowMs),
  })
}

/** With Retry-After where it takes no more than that: the sender's clock says a time before the start of the server. */
function timeRefused({ timestampMs }: Claim, nowMs: number, { replays, refusals }: SignatureContext): AppError {
  const waitMs = replays.timelyInMs(timestampMs, nowMs)
  return refusals.signature('signature_time', {
    ...(waitMs === undefined ? {} : { retryAfterSeconds: Math.ceil(waitMs / 1000) + 1 }),
    detail: 'The time of the signature is too far from the time of the server, or before its start.',
    hint: `Set the clocks, and sign anew for every attempt. It is ${Math.floor(nowMs)} here, in milliseconds since 1970.`,
  })
}

function readClaim(head: RequestHead, refusals: Refusals): Claim {
  const signature = headerOf(head, 'signature')
  const timestamp = headerOf(head, 'timestamp')
  if (!TIMESTAMP.test(timestamp)) throw unreadable('timestamp', 'a whole number of milliseconds since 1970')
  const timestampMs = Number(timestamp)
  const [, version] = SIGNATURE.exec(signature) ?? []
  if (version === undefined) throw refusals.signature('signature_value')
  const parts = { signature, timestampMs }
  return version === 'v1'
    ? { ...parts, ...requestClaim(head, timestampMs) }
    : { ...parts, ...eventClaim(head, timestampMs) }
}

function requestClaim(head: RequestHead, timestampMs: number): Pick<Claim, 'expected' | 'signed'> {
  const contentSha256 = headerOf(head, 'contentSha256')
  if (!SHA256_HEX.test(contentSha256))
    throw unreadable('contentSha256', 'SHA-256 of the body in 64 lower-case hex digits')
  return {
    expected: (signingKey) =>
      requestSignature(signingKey, { method: head.method, target: head.url, timestampMs, contentSha256 }),
    signed: (key) => ({ kind: 'request', key, bodySha256: Buffer.from(contentSha256, 'hex') }),
  }
}

function eventClaim(head: RequestHead, timestampMs: number): Pick<Claim, 'expected' | 'signed'> {
  if (head.method !== 'POST') throw invalid('A signature of an event (e1) signs POST requests only.')
  if (head.headers[SIGNATURE_HEADERS.contentSha256] !== undefined) {
    throw invalid(
      'A signature of an event (e1) does not cover the body.',
      'Sign the request (v1), or leave the hash out.',
    )
  }
  const query = new URLSearchParams(head.url.split('?').slice(1).join('?'))
  const [service, level] = [onlyValue(query, 'service'), onlyValue(query, 'level')]
  return {
    expected: (signingKey) => eventSignature(signingKey, { service, level, timestampMs }),
    signed: (key) => ({ kind: 'event', key, service, level }),
  }
}

function onlyValue(query: URLSearchParams, name: 'service' | 'level'): string {
  const [value = '', ...others] = query.getAll(name)
  if (value === '' || others.length > 0) throw invalid(`A signature of an event (e1) signs one ${name} in the query.`)
  const problem = stampProblem(name, value)
  if (problem !== undefined) throw invalid(`${name}: ${problem}.`)
  return value
}

function headerOf({ headers }: RequestHead, part: keyof typeof SIGNATURE_HEADERS): string {
  const value = headers[SIGNATURE_HEADERS[part]]
  if (typeof value === 'string' && value !== '') return value
  throw invalid(`The header ${SIGNATURE_HEADERS[part]} is missing.`)
}

function unreadable(part: keyof typeof SIGNATURE_HEADERS, expected: string): AppError {
  return invalid(`The header ${SIGNATURE_HEADERS[part]} is not ${expected}.`)
}

function invalid(detail: string, hint = 'docs/access.md describes signed requests.'): AppError {
  return new AppError('REQUEST_INVALID', { detail, hint })
}

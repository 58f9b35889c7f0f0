/**
 * The text of a key, and signatures made with one: what senders and the server have to agree about to the byte. Pure;
 * docs/access.md describes the same for other languages.
 *
 * Key: `trk_<id>_<secret>`: id is 12 characters a-z0-9 and no secret, secret is 32 random bytes as base64url.
 * Signing key: HMAC-SHA256(secret, "tailrace signing v1"), so that the server needs no secret to check signatures.
 * Each version is one fixed algorithm; nothing in a request can choose another.
 */
import { createHash, createHmac } from 'node:crypto'

export interface KeyParts {
  /** Names the key in lists and logs. */
  id: string
  /** 32 bytes. */
  secret: Buffer
}

export const KEY_SECRET_BYTES = 32
const KEY_FORM = /^trk_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/
const SIGNING_CONTEXT = 'tailrace signing v1'

/** Names of the headers of signed requests, in lower case as node:http gives them. */
export const SIGNATURE_HEADERS = {
  key: 'tailrace-key',
  timestamp: 'tailrace-timestamp',
  contentSha256: 'tailrace-content-sha256',
  signature: 'tailrace-signature',
} as const

/** The parts of a key's text; `undefined` when it is not one. Exactly one text stands for a secret. */
export function parseKey(text: string): KeyParts | undefined {
  const [, id, encoded] = KEY_FORM.exec(text) ?? []
  if (id === undefined || encoded === undefined) return undefined
  const secret = Buffer.from(encoded, 'base64url')
  // The last character has two bits more than the secret: they have to be zero.
  return secret.toString('base64url') === encoded ? { id, secret } : undefined
}

export function formatKey({ id, secret }: KeyParts): string {
  return `trk_${id}_${secret.toString('base64url')}`
}

/** What signatures of this key are made and checked with. 32 bytes. */
export function signingKeyOf(secret: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(SIGNING_CONTEXT).digest()
}

/** SHA-256 of a body as it is sent (compressed, if it is): 64 hex digits. */
export function contentSha256(body: Uint8Array | string): string {
  return createHash('sha256').update(body).digest('hex')
}

export interface RequestToSign {
  /** In upper case. */
  method: string
  /** Path and query exactly as sent: `/api/v1/ingest?service=a%20b`. */
  target: string
  /** Milliseconds since 1970. */
  timestampMs: number
  /** 64 hex digits in lower case. */
  contentSha256: string
}

/** `v1=<hex>`: a signature of a request and its body. */
export function requestSignature(signingKey: Uint8Array, request: RequestToSign): string {
  const lines = ['v1', request.method, request.target, request.timestampMs, request.contentSha256]
  return `v1=${hmacHex(signingKey, lines.join('\n'))}`
}

export interface EventToSign {
  /** Query parameter `service`, decoded. */
  service: string
  /** Query parameter `level`, decoded: a level's name, as sent. */
  level: string
  /** Milliseconds since 1970. */
  timestampMs: number
}

/** `e1=<hex>`: a signature of service, level and time only: the body is not protected. */
export function eventSignature(signingKey: Uint8Array, { service, level, timestampMs }: EventToSign): string {
  return `e1=${hmacHex(signingKey, ['e1', service, level, timestampMs].join('\n'))}`
}

/** The headers that sign a request with a key of role write. The server takes them once: sign anew to try again. */
export function signedRequestHeaders(
  key: KeyParts,
  request: { method: string; target: string; body: Uint8Array | string; nowMs: number },
): Record<string, string> {
  const bodySha256 = contentSha256(request.body)
  return {
    [SIGNATURE_HEADERS.key]: key.id,
    [SIGNATURE_HEADERS.timestamp]: String(request.nowMs),
    [SIGNATURE_HEADERS.contentSha256]: bodySha256,
    [SIGNATURE_HEADERS.signature]: requestSignature(signingKeyOf(key.secret), {
      method: request.method,
      target: request.target,
      timestampMs: request.nowMs,
      contentSha256: bodySha256,
    }),
  }
}

function hmacHex(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

import { createHash } from 'node:crypto'
import { parseKey, requestSignature, SIGNATURE_HEADERS, signingKeyOf } from '../core/signing.ts'

/** Makes the headers that sign one request; a request that is sent again is signed again. */
export type RequestSigner = (method: string, target: string, body: readonly Uint8Array[]) => Record<string, string>

/**
 * Signs with a key whose role is write (formats: `core/signing.ts`). No two signatures bear the same time, since the
 * server takes each once. `clock`: milliseconds since 1970. Throws TypeError when `keyText` is no whole key.
 */
export function createRequestSigner(keyText: string | undefined, clock: () => number): RequestSigner {
  const key = keyText === undefined ? undefined : parseKey(keyText)
  if (!key) throw new TypeError('Signing takes a whole key, trk_…')
  const signingKey = signingKeyOf(key.secret)
  let lastMs = 0
  return (method, target, body) => {
    lastMs = Math.max(clock(), lastMs + 1)
    const hash = createHash('sha256')
    for (const piece of body) hash.update(piece)
    const contentSha256 = hash.digest('hex')
    return {
      [SIGNATURE_HEADERS.key]: key.id,
      [SIGNATURE_HEADERS.timestamp]: String(lastMs),
      [SIGNATURE_HEADERS.contentSha256]: contentSha256,
      [SIGNATURE_HEADERS.signature]: requestSignature(signingKey, {
        method,
        target,
        timestampMs: lastMs,
        contentSha256,
      }),
    }
  }
}

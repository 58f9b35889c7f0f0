import { createHmac } from 'node:crypto'
import { isSameSecret } from './secrets.ts'

/** `trt`: a token; `trs`: a session. The signature covers which of them it is. */
export type SealKind = 'trt' | 'trs'

/** Longest text of a token: it has to fit into a header beside others. */
export const SEALED_CHARACTERS_MAX = 8192
const FORM = /^(tr[st])_([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/

/** `<kind>_<payload>.<signature>`, both base64url: HMAC-SHA256 over what is before the point. */
export function seal(kind: SealKind, payload: object, secret: Uint8Array): string {
  const signed = `${kind}_${Buffer.from(JSON.stringify(payload)).toString('base64url')}`
  return `${signed}.${signatureOf(signed, secret)}`
}

/** What was sealed with this secret as this kind; `undefined`: it was not. Nothing is read before that is known. */
export function unseal(kind: SealKind, text: string, secret: Uint8Array): unknown {
  if (text.length > SEALED_CHARACTERS_MAX) return undefined
  const [, shownKind, payload = '', signature = ''] = FORM.exec(text) ?? []
  const isGenuine = isSameSecret(signature, signatureOf(`${kind}_${payload}`, secret))
  if (!isGenuine || shownKind !== kind) return undefined
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
}

function signatureOf(signed: string, secret: Uint8Array): string {
  return createHmac('sha256', secret).update(signed).digest('base64url')
}

/** `Content-Range` of a PUT: where in the stream its body belongs. */
export type BodyPlace =
  /** Asks how far the stream has come; there is no body. */
  | { kind: 'question' }
  /**
   * `last`: the last byte of the body; `undefined`: it is not known beforehand. `total`: how long the stream is going to be
   * in all; `undefined`: its end is that of the body.
   */
  | { kind: 'place'; first: number; last: number | undefined; total: number | undefined }

/**
 * `bytes 100-199/*`, `bytes 100-199/200`, and for a body whose length is not known beforehand `bytes 100-*` and an end
 * left out; `bytes *` with a slash and a star asks. `undefined`: it is none of these.
 */
export function parseContentRange(header: string): BodyPlace | undefined {
  const match = /^bytes[ \t]+(?:(\*)|(\d{1,15})-(\d{1,15}|\*)?)\/(\*|\d{1,15})$/i.exec(header.trim())
  if (!match) return undefined
  const [, star, firstText = '', lastText, totalText] = match
  if (star !== undefined) return { kind: 'question' }
  const first = Number(firstText)
  const total = totalText === '*' ? undefined : Number(totalText)
  const last = lastText === undefined || lastText === '*' ? undefined : Number(lastText)
  if (last !== undefined && (last < first || (total !== undefined && last >= total))) return undefined
  return total !== undefined && first > total ? undefined : { kind: 'place', first, last, total }
}

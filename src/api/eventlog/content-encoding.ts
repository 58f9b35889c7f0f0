import { pipeline, type Readable } from 'node:stream'
import { constants, createBrotliCompress, createGzip } from 'node:zlib'

export type ContentEncoding = 'br' | 'gzip' | 'identity'

/** In the order of preference among equals. */
const OFFERED: readonly ContentEncoding[] = ['br', 'gzip', 'identity']

/**
 * What an answer is encoded with, by Accept-Encoding (RFC 9110 §12.5.3): of what is offered the highest weight. What
 * accepts nothing that is offered gets the answer as it is.
 */
export function chooseEncoding(header: string | undefined): ContentEncoding {
  if (header === undefined || header.trim() === '') return 'identity'
  const weights = new Map<string, number>()
  for (const item of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim())
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, weightOf(parameters))
  }
  const others = weights.get('*')
  let best: ContentEncoding = 'identity'
  let bestWeight = 0
  for (const encoding of OFFERED) {
    // Without a word about it identity is acceptable, but what was asked for is better.
    const weight = weights.get(encoding) ?? others ?? (encoding === 'identity' ? Number.MIN_VALUE : 0)
    if (weight > bestWeight) [best, bestWeight] = [encoding, weight]
  }
  return best
}

function weightOf(parameters: readonly string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith('q='))
  if (q === undefined) return 1
  return /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? Number(q.slice(2)) : 0
}

/** Fast ones: a page is made while somebody waits, and is then kept by whoever asked. */
const GZIP_LEVEL = 1
const BROTLI_QUALITY = 1

/** The body in this encoding, made as it is read. What ends either of them ends both. */
export function encodeBody(body: Readable, encoding: ContentEncoding): Readable {
  if (encoding === 'identity') return body
  const encoder =
    encoding === 'gzip'
      ? createGzip({ level: GZIP_LEVEL })
      : createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } })
  // The error reaches whoever reads the encoder.
  return pipeline(body, encoder, () => undefined)
}

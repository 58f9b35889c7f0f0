import { pipeline, Readable, type Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { AppError } from '../core/errors.ts'
import { formatSize } from '../core/units.ts'

/** Below this size a high ratio means nothing: a short body of equal bytes compresses without end. */
const RATIO_FROM_BYTES = 16 * 1024 * 1024
const CHUNK_BYTES = 128 * 1024

type Decoder = Transform & { readonly bytesWritten: number }

/** Zstandard came to zlib with Node 22.15. */
const createZstd = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Decoder }).createZstdDecompress

const DECODERS: Readonly<Record<string, () => Decoder>> = {
  gzip: () => zlib.createGunzip({ chunkSize: CHUNK_BYTES }),
  'x-gzip': () => zlib.createGunzip({ chunkSize: CHUNK_BYTES }),
  deflate: () => zlib.createInflate({ chunkSize: CHUNK_BYTES }),
  br: () => zlib.createBrotliDecompress({ chunkSize: CHUNK_BYTES }),
  ...(createZstd ? { zstd: () => createZstd({ chunkSize: CHUNK_BYTES }) } : {}),
}

export interface BodyLimits {
  /** Largest body as sent. */
  bodyBytesMax: number
  /** Largest body after decompression. */
  decompressedBytesMax: number
  /** Decompressed bytes per byte sent; looked at once a body has grown past 16 MiB. */
  compressionRatioMax: number
}

/** A body as plain bytes, with the limits on its size watched. */
export interface PlainBody extends AsyncIterable<Buffer> {
  isCompressed: boolean
}

/**
 * The decompressed body. Iterating throws BODY_TOO_LARGE where a limit on size or ratio is passed, BODY_UNREADABLE
 * where the compressed data are damaged or cut off, and what the body itself throws.
 */
export function decompressed(body: unknown, encoding: string | undefined, limits: BodyLimits): PlainBody {
  const name = (encoding ?? 'identity').trim().toLowerCase()
  const isCompressed = name !== 'identity' && name !== ''
  const create = Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined
  if (isCompressed && !create) {
    throw new AppError('CONTENT_ENCODING_UNSUPPORTED', {
      detail: `${name} is not accepted`,
      hint: `one of ${Object.keys(DECODERS).join(', ')}`,
    })
  }
  const source = body instanceof Readable ? body : Readable.from([])
  return {
    isCompressed,
    [Symbol.asyncIterator]: () => (create ? decode(source, create(), limits) : plain(source, limits)),
  }
}

async function* plain(body: Readable, limits: BodyLimits): AsyncGenerator<Buffer> {
  const bytesMax = Math.min(limits.bodyBytesMax, limits.decompressedBytesMax)
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bytesMax) throw tooLarge(`more than ${formatSize(bytesMax)}`)
    yield chunk
  }
}

async function* decode(body: Readable, decoder: Decoder, limits: BodyLimits): AsyncGenerator<Buffer> {
  // The pipeline destroys the decoder with whatever went wrong, and iterating it throws that.
  pipeline(body, decoder, () => {})
  let bytes = 0
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      bytes += chunk.length
      const sentBytes = decoder.bytesWritten
      if (sentBytes > limits.bodyBytesMax) throw tooLarge(`more than ${formatSize(limits.bodyBytesMax)} compressed`)
      if (bytes > limits.decompressedBytesMax) {
        throw tooLarge(`more than ${formatSize(limits.decompressedBytesMax)} after decompression`)
      }
      if (bytes > RATIO_FROM_BYTES && bytes > sentBytes * limits.compressionRatioMax) {
        throw tooLarge(`compressed more than ${limits.compressionRatioMax} to 1`)
      }
      yield chunk
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new AppError('BODY_UNREADABLE', { cause: error, detail: `the compressed body is damaged: ${reason}` })
  }
}

function tooLarge(detail: string): AppError {
  return new AppError('BODY_TOO_LARGE', { detail })
}

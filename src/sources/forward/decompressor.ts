import * as zlib from 'node:zlib'

type Decode = (
  bytes: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, plain: Buffer) => void,
) => void

/** Zstandard came to zlib with Node 22.15. */
const { zstdDecompress } = zlib as { zstdDecompress?: Decode }

const DECODERS: Readonly<Record<string, Decode | undefined>> = { gzip: zlib.gunzip, zstd: zstdDecompress }

/** Whether entries compressed in this way can be read here. */
export function canDecompress(name: string): boolean {
  return Object.hasOwn(DECODERS, name) && DECODERS[name] !== undefined
}

/** Decompresses a few messages at a time; further ones wait, and so do their connections. */
export class Decompressor {
  readonly #bytesMax: number
  readonly #concurrentMax: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor({ bytesMax, concurrentMax }: { bytesMax: number; concurrentMax: number }) {
    this.#bytesMax = bytesMax
    this.#concurrentMax = concurrentMax
  }

  /** Calls back later; with `undefined` when the bytes are damaged or become too many. */
  run(name: string, bytes: Buffer, done: (plain: Buffer | undefined) => void): void {
    const start = (): void => {
      this.#running++
      DECODERS[name]?.(bytes, { maxOutputLength: this.#bytesMax }, (error, plain) => {
        this.#running--
        this.#waiting.shift()?.()
        done(error ? undefined : plain)
      })
    }
    if (this.#running < this.#concurrentMax) start()
    else this.#waiting.push(start)
  }
}

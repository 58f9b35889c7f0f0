import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { EventBatch } from '../../core/batch.ts'
import type { FollowedFile } from './followed-file.ts'
import type { FileLimits } from './limits.ts'
import { cutLines } from './line-cutter.ts'
import { ANCHOR_BYTES, extendCrc, fingerprint, HEAD_BYTES } from './record.ts'

const CHUNK_BYTES = 128 * 1024

/** What is in a gzip file. Iterating throws where it is damaged or cut off. */
export function unpacked(path: string): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  // What goes wrong destroys the decoder, and iterating it throws that.
  pipeline(createReadStream(path), gunzip, () => undefined)
  return gunzip as AsyncIterable<Buffer>
}

export interface ArchiveOptions {
  limits: FileLimits
  room: () => Promise<EventBatch>
  isFull: (batch: EventBatch) => boolean
  /** Called after each piece. */
  onRead: (bytes: number) => void
}

/** Reads an archive from the file's position to its end. Offsets are those of what is in it. */
export async function readArchive(file: FollowedFile, options: ArchiveOptions): Promise<void> {
  let offset = 0
  let open: Buffer = Buffer.alloc(0)
  for await (const chunk of unpacked(file.path)) {
    const end = offset + chunk.length
    if (file.head.bytes < HEAD_BYTES && offset < HEAD_BYTES && file.position === 0) learnHead(file, open, chunk)
    if (end > file.position + open.length) {
      const fresh = chunk.subarray(Math.max(0, file.position + open.length - offset))
      open = await cutAll(file, open.length === 0 ? fresh : Buffer.concat([open, fresh]), false, options)
    }
    offset = end
  }
  await cutAll(file, open, true, options)
  file.isDone = true
}

function learnHead(file: FollowedFile, open: Buffer, chunk: Buffer): void {
  file.head = fingerprint(Buffer.concat([open, chunk]).subarray(0, HEAD_BYTES))
}

/** Every whole line; resolves with what is left of the bytes. */
async function cutAll(file: FollowedFile, bytes: Buffer, isEnd: boolean, options: ArchiveOptions): Promise<Buffer> {
  const { limits, room, isFull, onRead } = options
  let at = 0
  for (;;) {
    const batch = await room()
    const offset = file.position
    const cut = { batch, lineBytesMax: limits.lineBytesMax, isFull, isLast: false, isEnd }
    const consumed = cutLines(file, bytes, at, bytes.length, cut)
    const done = at + consumed
    extendCrc(file, bytes.subarray(at, done), offset)
    if (consumed > 0) file.anchor = fingerprint(bytes.subarray(Math.max(0, done - ANCHOR_BYTES), done))
    onRead(consumed)
    at = done
    if (!isFull(batch)) return Buffer.from(bytes.subarray(at))
  }
}

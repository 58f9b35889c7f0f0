import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { EventBatch } from '../../core/batch.ts'
import type { FollowedFile } from './followed-file.ts'
import type { FileLimits } from './limits.ts'
import { cutLines } from './line-cutter.ts'
import { ANCHOR_BYTES, extendCrc, fingerprint, HEAD_BYTES } from './record.ts'
import { errorCode, type SourceIo } from './source-io.ts'

const CHUNK_BYTES = 128 * 1024

/** What is in a gzip file that is open, and stays so. Iterating throws where it is damaged or cut off. */
export function unpacked(io: Pick<SourceIo, 'read'>, fd: number): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  // What goes wrong destroys the decoder, and iterating it throws that.
  pipeline(Readable.from(packed(io, fd)), gunzip, () => undefined)
  return gunzip as AsyncIterable<Buffer>
}

async function* packed(io: Pick<SourceIo, 'read'>, fd: number): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const piece = Buffer.allocUnsafe(CHUNK_BYTES)
    const count = await io.read(fd, piece, piece.length, at)
    if (count === 0) return
    yield piece.subarray(0, count)
    at += count
  }
}

/** The archive is damaged or no archive: there is no sense in reading it again before it has changed. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError'
}

export interface ArchiveOptions {
  io: Pick<SourceIo, 'read' | 'statOpen'>
  fd: number
  limits: FileLimits
  room: () => Promise<void>
  batch: () => EventBatch
  isFull: (batch: EventBatch) => boolean
  /** Called after each piece. */
  onRead: (bytes: number) => void
}

/**
 * Reads an archive from the file's position to its end. Offsets are those of what is in it. Throws DamagedError, once for
 * each form that the file has; what comes before the damage was read.
 */
export async function readArchive(file: FollowedFile, options: ArchiveOptions): Promise<void> {
  const { size, mtimeNs } = await options.io.statOpen(options.fd)
  const form = `${size} ${mtimeNs}`
  // One that is made now.
  if (size === 0n || form === file.damagedForm) return
  try {
    await readWhole(file, options)
  } catch (error) {
    if (!errorCode(error).startsWith('Z_')) throw error
    file.damagedForm = form
    throw new DamagedError(`no whole gzip archive: ${(error as Error).message}`, { cause: error })
  }
}

async function readWhole(file: FollowedFile, options: ArchiveOptions): Promise<void> {
  let offset = 0
  let open: Buffer = Buffer.alloc(0)
  for await (const chunk of unpacked(options.io, options.fd)) {
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
    await room()
    const batch = options.batch()
    const offset = file.position
    const cut = { batch, lineBytesMax: limits.lineBytesMax, isFull, isLast: false, isEnd }
    const consumed = cutLines(file, bytes, at, bytes.length, cut)
    const done = at + consumed
    extendCrc(file, bytes.subarray(at, done), offset)
    if (consumed > 0) {
      file.anchor = fingerprint(bytes.subarray(Math.max(0, done - ANCHOR_BYTES), done))
      file.anchorAt = file.position
    }
    onRead(consumed)
    at = done
    if (!isFull(batch)) return Buffer.from(bytes.subarray(at))
  }
}

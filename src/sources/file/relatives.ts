/** Compares files by what is in them: whether one is still what it was, and which one is a copy of which. */
import type { BigIntStats } from 'node:fs'
import { crc32 } from 'node:zlib'
import { unpacked } from './archive.ts'
import {
  ANCHOR_BYTES,
  familyOf,
  type FileRecord,
  type Fingerprint,
  fingerprint,
  HEAD_BYTES,
  isArchive,
  matchesFingerprint,
} from './record.ts'
import { errorCode, type SourceIo } from './source-io.ts'

export interface Sibling {
  path: string
  stats: BigIntStats
}

/** What is at a path is not what was there when it was listed. */
export class MovedError extends Error {
  override readonly name = 'MovedError'
}

const PIECE_BYTES = 64 * 1024
const TRAILER_BYTES = 8

export function idOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}

export async function statIfThere(io: SourceIo, path: string): Promise<BigIntStats | undefined> {
  try {
    return await io.stat(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** The fingerprint of the first bytes of what is in a file, as far as there are any. */
export async function headOf(io: SourceIo, sibling: Sibling): Promise<Fingerprint> {
  return fingerprint(await bytesOf(io, sibling, 0, HEAD_BYTES))
}

/** Whether the file with the number of the record is the one that it was taken of. */
export async function isStill(io: SourceIo, sibling: Sibling, record: FileRecord): Promise<boolean> {
  if (!isArchive(sibling.path)) return isPlainStill(io, sibling, record)
  return (await isExactly(io, sibling, record)) || matches(io, sibling, record)
}

/** Whether all that was read of a file stands at the begin of this one. Rejects for an archive that is not whole. */
export async function matches(io: SourceIo, sibling: Sibling, record: FileRecord): Promise<boolean> {
  if (!isArchive(sibling.path) && !(await isPlainStill(io, sibling, record))) return false
  const { crc, crcBytes } = await checksumOf(io, sibling, record.crcBytes)
  return crcBytes === record.crcBytes && crc === record.crc
}

/** Whether an archive holds what was read of a file and nothing else: it ends with length and checksum of that. */
export async function isExactly(io: SourceIo, sibling: Sibling, record: FileRecord): Promise<boolean> {
  const at = Number(sibling.stats.size) - TRAILER_BYTES
  if (!isArchive(sibling.path) || record.crcBytes === 0 || record.offset !== record.crcBytes || at < 0) return false
  return withOpen(io, sibling, async (fd) => {
    const trailer = await readAt(io, fd, TRAILER_BYTES, at)
    if (trailer.length < TRAILER_BYTES) return false
    return trailer.readUInt32LE(0) === record.crc && trailer.readUInt32LE(4) === record.crcBytes >>> 0
  })
}

/**
 * How long a file is of which all is at the same place in the one that is open; `undefined`: something is not. Of one
 * that is not packed, its begin and its end are compared.
 */
export async function isWithin(io: SourceIo, sibling: Sibling, original: number): Promise<number | undefined> {
  if (isArchive(sibling.path)) {
    let at = 0
    for await (const piece of contentsOf(io, sibling, Infinity)) {
      if (!(await isAt(io, original, piece, at))) return undefined
      at += piece.length
    }
    return at
  }
  const size = Number(sibling.stats.size)
  for (const from of new Set([0, Math.max(0, size - PIECE_BYTES)])) {
    const bytes = await bytesOf(io, sibling, from, Math.min(PIECE_BYTES, size))
    if (from + bytes.length > size || !(await isAt(io, original, bytes, from))) return undefined
  }
  return size
}

/** What is to be known of a file when so much of it was read elsewhere. */
export async function knownUpTo(
  io: SourceIo,
  sibling: Sibling,
  record: FileRecord,
  bytes: number,
): Promise<FileRecord> {
  const sum = await checksumOf(io, sibling, bytes)
  const head = await headOf(io, sibling)
  return { ...record, ...sum, offset: sum.crcBytes, head, part: 0 }
}

type Checksum = Pick<FileRecord, 'crc' | 'crcBytes' | 'anchor' | 'anchorAt'>

/** Of the first bytes of what is in a file, and what the last of these are: without it, files that begin alike are one. */
async function checksumOf(io: SourceIo, sibling: Sibling, bytes: number): Promise<Checksum> {
  let crc = 0
  let crcBytes = 0
  let last: Buffer = Buffer.alloc(0)
  for await (const piece of contentsOf(io, sibling, bytes)) {
    crc = crc32(piece, crc)
    crcBytes += piece.length
    last = Buffer.concat([last, piece.subarray(-ANCHOR_BYTES)]).subarray(-ANCHOR_BYTES)
  }
  return { crc, crcBytes, anchor: fingerprint(last), anchorAt: crcBytes }
}

/**
 * Whether rotation may have made this name of the other. A name with a date may as well be that of a log of its own,
 * which begins as the one of the day before did; one with a number is never written to by who writes the log.
 */
export function mayBeCopy(path: string, { path: now, firstPath }: { path: string; firstPath: string }): boolean {
  const family = familyOf(path)
  return [now, firstPath].some(
    (original) =>
      original === family ||
      path.startsWith(original) ||
      (withoutNumber(path) !== path && withoutNumber(path) === withoutNumber(original)),
  )
}

function withoutNumber(path: string): string {
  return path.replace(/\.\d{1,3}(?:\.gz)?$/, '')
}

async function isPlainStill(io: SourceIo, sibling: Sibling, record: FileRecord): Promise<boolean> {
  const { head, anchorAt, crcBytes, offset } = record
  if (Number(sibling.stats.size) < Math.max(head.bytes, anchorAt, crcBytes, offset)) return false
  return withOpen(io, sibling, (fd) => isOpenStill(io, fd, record))
}

/** Whether all that was read of a file stands at the begin of one that is open. */
export async function isOpenCopy(io: SourceIo, fd: number, size: number, record: FileRecord): Promise<boolean> {
  if (size < record.crcBytes || !matchesFingerprint(await readAt(io, fd, record.head.bytes, 0), record.head))
    return false
  let crc = 0
  for (let at = 0; at < record.crcBytes; at += PIECE_BYTES) {
    crc = crc32(await readAt(io, fd, Math.min(PIECE_BYTES, record.crcBytes - at), at), crc)
  }
  return crc === record.crc
}

/** The same for one that is open. */
export async function isOpenStill(io: SourceIo, fd: number, { head, anchor, anchorAt }: FileRecord): Promise<boolean> {
  if (!matchesFingerprint(await readAt(io, fd, head.bytes, 0), head)) return false
  return matchesFingerprint(await readAt(io, fd, anchor.bytes, anchorAt - anchor.bytes), anchor)
}

async function isAt(io: SourceIo, fd: number, bytes: Buffer, at: number): Promise<boolean> {
  return (await readAt(io, fd, bytes.length, at)).equals(bytes)
}

/** Fewer where the file ends. */
async function readAt(io: SourceIo, fd: number, length: number, at: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; ;) {
    const count = done < length ? await io.read(fd, bytes.subarray(done), length - done, at + done) : 0
    if (count === 0) return bytes.subarray(0, done)
    done += count
  }
}

/** Of an archive: of what is in it. Fewer where the file ends. */
async function bytesOf(io: SourceIo, sibling: Sibling, at: number, length: number): Promise<Buffer> {
  if (!isArchive(sibling.path)) return withOpen(io, sibling, (fd) => readAt(io, fd, length, at))
  const pieces: Buffer[] = []
  for await (const piece of contentsOf(io, sibling, at + length)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).subarray(at)
}

/** The first bytes of what is in a file, or all, in pieces that are valid until the next is asked for. */
async function* contentsOf(io: SourceIo, sibling: Sibling, bytes: number): AsyncGenerator<Buffer> {
  const fd = await openAs(io, sibling)
  let left = bytes
  try {
    for await (const piece of isArchive(sibling.path) ? unpacked(io, fd) : plainOf(io, fd)) {
      if (left > 0) yield piece.subarray(0, left)
      left -= piece.length
      if (left <= 0) return
    }
  } finally {
    await io.close(fd)
  }
}

async function* plainOf(io: SourceIo, fd: number): AsyncGenerator<Buffer> {
  const piece = Buffer.allocUnsafe(PIECE_BYTES)
  for (let at = 0; ;) {
    const count = await io.read(fd, piece, piece.length, at)
    if (count === 0) return
    yield piece.subarray(0, count)
    at += count
  }
}

async function withOpen<T>(io: SourceIo, sibling: Sibling, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = await openAs(io, sibling)
  try {
    return await use(fd)
  } finally {
    await io.close(fd)
  }
}

/** Names move while they are looked at: what is opened has to be what was listed. */
async function openAs(io: SourceIo, { path, stats }: Sibling): Promise<number> {
  const fd = await io.open(path)
  if (idOf(await io.statOpen(fd)) === idOf(stats)) return fd
  await io.close(fd)
  throw new MovedError(`${path} is another file by now`)
}

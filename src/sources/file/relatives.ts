/** Finds files that belong together: where a renamed one is now, what was rotated away unseen, which one is a copy. */
import type { BigIntStats } from 'node:fs'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { unpacked } from './archive.ts'
import {
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

/** Names of one folder that are looked at; there are not more relatives of one file than that. */
const SIBLINGS_MAX = 1000
const PIECE_BYTES = 256 * 1024

/** Regular files of the same family in the same folder, the file at the path itself included. */
export async function siblingsOf(io: SourceIo, path: string): Promise<Sibling[]> {
  const folder = dirname(path)
  const family = familyOf(path)
  let names: string[]
  try {
    names = (await io.list(folder)).map(({ name }) => name)
  } catch {
    // The folder has gone, or may not be read: then nobody is found in it.
    return []
  }
  const related = names.map((name) => join(folder, name)).filter((other) => familyOf(other) === family)
  const found: Sibling[] = []
  for (const other of related.slice(0, SIBLINGS_MAX)) {
    const stats = await statIfThere(io, other)
    if (stats?.isFile() === true) found.push({ path: other, stats })
  }
  return found
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
export async function headOf(io: SourceIo, path: string): Promise<Fingerprint> {
  return fingerprint(await firstBytes(io, path, HEAD_BYTES))
}

/** Whether what is in the file begins as the fingerprint says. */
export async function beginsWith(io: SourceIo, path: string, head: Fingerprint): Promise<boolean> {
  if (head.bytes === 0) return true
  return matchesFingerprint(await firstBytes(io, path, head.bytes), head)
}

async function firstBytes(io: SourceIo, path: string, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of contentsOf(io, path, bytes)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

/** `yes`: all that was read of the original stands at the begin of the file. `short`: as far as it goes, perhaps. */
export type CopyVerdict = 'yes' | 'no' | 'short'

/** Whether the file is a copy of one of which this is known. */
export async function isCopy(
  io: SourceIo,
  { path, stats }: Sibling,
  original: Pick<FileRecord, 'path' | 'head' | 'crc' | 'crcBytes'>,
): Promise<CopyVerdict> {
  const { head, crc, crcBytes } = original
  // Short beginnings are alike by chance: then the name has to be one that rotation makes of the other.
  if (head.bytes === 0 || (head.bytes < HEAD_BYTES && !isNamedAfter(path, original.path))) return 'no'
  if (!(await beginsWith(io, path, head))) return 'no'
  if (!isArchive(path) && stats.size < BigInt(crcBytes)) return 'short'
  let found = 0
  let foundBytes = 0
  for await (const piece of contentsOf(io, path, crcBytes)) {
    found = crc32(piece, found)
    foundBytes += piece.length
  }
  return foundBytes === crcBytes && found === crc ? 'yes' : 'no'
}

/**
 * Whether rotation may have made this name of the other. A name with a date may as well be that of a log of its own,
 * which begins as the one of the day before did; one with a number is never written to by who writes the log.
 */
function isNamedAfter(path: string, original: string): boolean {
  const family = familyOf(path)
  if (!path.startsWith(family) || path === family) return false
  return original === family || /^\.\d{1,3}(?:\.gz)?$/.test(path.slice(family.length))
}

/** The first `bytes` of what is in a file, or of all of it, in pieces that are valid until the next is asked for. */
async function* contentsOf(io: SourceIo, path: string, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes
  if (isArchive(path)) {
    for await (const piece of unpacked(io, path)) {
      yield piece.subarray(0, left)
      left -= piece.length
      if (left <= 0) return
    }
    return
  }
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, Math.max(1, bytes)))
  const fd = await io.open(path)
  try {
    for (let at = 0; left > 0;) {
      const count = await io.read(fd, piece, Math.min(piece.length, left), at)
      if (count === 0) return
      yield piece.subarray(0, count)
      at += count
      left -= count
    }
  } finally {
    await io.close(fd)
  }
}

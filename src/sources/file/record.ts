/** What is known of a file by its contents: enough to know it again under another name, and to tell copies from others. */
import { hash } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { crc32 } from 'node:zlib'

/** The first bytes of a file that tell it from others. */
export const HEAD_BYTES = 1024
/** The bytes before the place up to which a file was read. */
export const ANCHOR_BYTES = 256

export interface Fingerprint {
  bytes: number
  hash: string
}

/** What the journal keeps of a file. Offsets are in bytes of the file; of an archive, of what is in it. */
export interface FileRecord {
  /** Number of this file, never used for another one. */
  key: number
  path: string
  /** Where it was first. */
  firstPath: string
  device: string
  inode: string
  head: Fingerprint
  /** Everything before is delivered. */
  offset: number
  /** Of the bytes right before `anchorAt`. */
  anchor: Fingerprint
  anchorAt: number
  /** CRC-32 of everything before `crcBytes`. */
  crc: number
  crcBytes: number
  /** 0, or the number of the last part of a line that goes on at `offset`. */
  part: number
  encoding: Encoding
}

export type Encoding = 'unknown' | 'utf8' | 'utf16le' | 'utf16be'

export const EMPTY_FINGERPRINT: Fingerprint = { bytes: 0, hash: '' }

export function fingerprint(bytes: Uint8Array): Fingerprint {
  return bytes.length === 0
    ? EMPTY_FINGERPRINT
    : { bytes: bytes.length, hash: hash('sha256', bytes, 'buffer').toString('hex', 0, 8) }
}

export function identityOf({ device, inode }: Pick<FileRecord, 'device' | 'inode'>): string {
  return `${device}:${inode}`
}

/** Whether nothing was read of a file, so that there is nothing to know it again by. */
export function isBlank({ offset, crcBytes }: FileRecord): boolean {
  return offset === 0 && crcBytes === 0
}

/** Whether bytes begin with what the fingerprint was taken of. */
export function matchesFingerprint(bytes: Uint8Array, { bytes: size, hash: expected }: Fingerprint): boolean {
  return bytes.length >= size && fingerprint(bytes.subarray(0, size)).hash === expected
}

/** The checksum goes on over those of `bytes`, which stand at `offset`, that it does not cover yet. */
export function extendCrc(file: Pick<FileRecord, 'crc' | 'crcBytes'>, bytes: Uint8Array, offset: number): void {
  const from = file.crcBytes - offset
  if (from < 0 || from >= bytes.length) return
  file.crc = crc32(from === 0 ? bytes : bytes.subarray(from), file.crc)
  file.crcBytes = offset + bytes.length
}

/** What names of rotated files end with: `.1`, `-20261121`, `.2026-11-21`, `-2026112113`, `.gz`, and each after another. */
const ROTATION_SUFFIX = /(?:[.\-_](?:\d{1,10}|\d{4}-\d{2}-\d{2}(?:[T_-]\d{2}(?:-?\d{2}){0,2})?|gz|old|bak|prev))$/i
/** What stands before an extension is a date only: a shorter number says which of several logs it is. */
const ROTATION_DATE = /[.\-_](?:\d{8}(?:\d{2}){0,3}|\d{4}-\d{2}-\d{2}(?:[T_-]\d{2}(?:-?\d{2}){0,2})?)$/

/**
 * Folder and name without what rotation adds to it: files for which it is the same may have the same contents.
 * `app-2026-11-21.log` belongs to `app.log`.
 */
export function familyOf(path: string): string {
  let name = basename(path)
  for (let shorter = name; ; name = shorter) {
    shorter = name.replace(ROTATION_SUFFIX, '')
    if (shorter === name || shorter === '') break
  }
  const extension = /\.[A-Za-z]+$/.exec(name)?.[0] ?? ''
  const stem = name.slice(0, name.length - extension.length).replace(ROTATION_DATE, '')
  return `${dirname(path)}/${stem}${extension}`
}

export function isArchive(path: string): boolean {
  return path.endsWith('.gz')
}

/**
 * The names in a spool folder. They carry everything that recovery needs to know:
 *
 *     000000000042-18f3a2b4c5d6e7f8-1234-89abcdef.rows    a whole file: sequence, received time of the last row in hex,
 *                                                         rows, crc32 of the bytes
 *     ….rows.tmp        being written: worthless
 *     batch-<id>/       files that go into the store together, with token <id>; may be there already
 *     done-<id>/        in the store: to be deleted
 *     split-<id>/       batch <id> was refused, so nothing of it is in the store: each file is to be tried alone
 *     temp-<id>/        parts being written: worthless
 *     parts-<id>/       all the rows of the one file in split-<id>, as several files: replaces split-<id>
 *     quarantine/       what could not be stored; the ending says why
 */

/** One spool file, wherever it lies. */
export interface RowsFile {
  name: string
  /** Place in the order of arrival. The parts of a file have its number. */
  sequence: number
  /** Received time of the last row. */
  receivedNs: bigint
  rows: number
  crc: number
  bytes: number
}

export const QUARANTINE = 'quarantine'
export const TEMPORARY = '.tmp'
export const DAMAGED = '.damaged'
const ROWS = '.rows'

const FILE_NAME = /^(\d{12,15})-([0-9a-f]{16})-(\d{1,10})-([0-9a-f]{8})\.(rows|damaged)$/
const FOLDER_NAME = /^(batch|done|split|temp|parts)-(\d{12,15}-[0-9a-z]{8,32})$/

export type FolderKind = 'batch' | 'done' | 'split' | 'temp' | 'parts'

export function fileName(file: Omit<RowsFile, 'name' | 'bytes'>, ending: string = ROWS): string {
  const received = BigInt.asUintN(64, file.receivedNs).toString(16).padStart(16, '0')
  const crc = file.crc.toString(16).padStart(8, '0')
  return `${String(file.sequence).padStart(12, '0')}-${received}-${file.rows}-${crc}${ending}`
}

/** The reverse of `fileName`; `undefined` for other names. */
export function parseFileName(name: string, bytes: number): RowsFile | undefined {
  const match = FILE_NAME.exec(name)
  if (!match) return undefined
  return {
    name,
    sequence: Number(match[1]),
    receivedNs: BigInt.asIntN(64, BigInt(`0x${match[2]}`)),
    rows: Number(match[3]),
    crc: Number.parseInt(match[4] ?? '', 16),
    bytes,
  }
}

/** The name under which a file lies in quarantine. */
export function quarantineName(name: string, reason: string): string {
  return `${name.slice(0, name.lastIndexOf('.'))}.${reason}`
}

/** Never the same twice: `random` is 16 hex digits. Sorts like the sequence of the first file. */
export function batchId(firstSequence: number, random: string): string {
  return `${String(firstSequence).padStart(12, '0')}-${random}`
}

export function folderName(kind: FolderKind, id: string): string {
  return `${kind}-${id}`
}

export function parseFolderName(name: string): { kind: FolderKind; id: string } | undefined {
  const match = FOLDER_NAME.exec(name)
  return match ? { kind: match[1] as FolderKind, id: match[2] ?? '' } : undefined
}

/** The order of arrival. */
export function byArrival(a: RowsFile, b: RowsFile): number {
  return a.sequence - b.sequence || (a.receivedNs < b.receivedNs ? -1 : a.receivedNs > b.receivedNs ? 1 : 0)
}

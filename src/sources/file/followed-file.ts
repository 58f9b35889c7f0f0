import type { BigIntStats } from 'node:fs'
import { EMPTY_FINGERPRINT, familyOf, type FileRecord, identityOf, isArchive } from './record.ts'
import type { LineInterpreter } from './interpreter.ts'
import type { FilePattern } from './pattern.ts'

/**
 * `live`: at its path. `rotated`: renamed or removed, read until nothing comes any more. `ended`: let go.
 */
export type FileState = 'live' | 'rotated' | 'ended'

/** One file that is read, from its discovery until it is let go. */
export class FollowedFile {
  readonly key: number
  /** Where it is, or was last. */
  path: string
  readonly firstPath: string
  family: string
  device: string
  inode: string
  readonly pattern: FilePattern
  readonly interpreter: LineInterpreter
  isArchive: boolean
  /** Everything before was given to the interpreter. */
  position: number
  /** Where the last line that was given to the interpreter ends. */
  lineEnd: number
  head: FileRecord['head']
  anchor: FileRecord['anchor']
  anchorAt: number
  crc: number
  crcBytes: number
  part: number
  encoding: FileRecord['encoding']
  /** Everything before is delivered. */
  delivered: number
  /** What the one who delivers was told of. */
  told: number
  state: FileState = 'live'
  /** An archive that was read to its end. */
  isDone = false
  /** Nothing is where it was: its open handle is all there is. */
  isRemoved = false
  /** As it was when it was last looked at. */
  size = 0
  mtimeNs = -1n
  /** On a clock that does not go back: when something was last read of it, or tried to. */
  grownMs = 0
  /** Bytes at its end without a line end, when it was last read. */
  openBytes = 0
  /** Of lines that were read and are held back, when that was last counted. */
  heldBytes = 0
  /** Nothing more will come: what is open at its end is the last line. */
  mustEnd = false
  /** The line that is open at its end is to become an event as it stands. */
  mustFlush = false
  /** It was compared with all others since it is open: its number cannot have been given to another one meanwhile. */
  isSure = false
  isBusy = false
  isDirty = false
  /** Told again while it was being read. */
  isStale = false
  error: string | undefined
  /** Size and time of an archive that turned out to be damaged. */
  damagedForm: string | undefined
  /** Not to be read before this, after an error. */
  retryAtMs = 0

  constructor(record: FileRecord, pattern: FilePattern, interpreter: LineInterpreter) {
    this.key = record.key
    this.path = record.path
    this.firstPath = record.firstPath
    this.family = familyOf(record.path)
    this.device = record.device
    this.inode = record.inode
    this.pattern = pattern
    this.interpreter = interpreter
    this.isArchive = isArchive(record.path)
    this.position = record.offset
    this.lineEnd = record.offset
    this.delivered = record.offset
    this.told = record.offset
    this.head = record.head
    this.anchor = record.anchor
    this.anchorAt = record.anchorAt
    this.crc = record.crc
    this.crcBytes = record.crcBytes
    this.part = record.part
    this.encoding = record.encoding
  }

  get id(): string {
    return identityOf(this)
  }

  /** Its bytes are in another file from now on, up to where they were read and further. */
  moveTo(path: string, { dev, ino }: BigIntStats): void {
    this.path = path
    this.family = familyOf(path)
    this.device = String(dev)
    this.inode = String(ino)
    this.isArchive = isArchive(path)
    this.isDone = false
    this.isSure = false
    this.isRemoved = false
    this.openBytes = 0
    this.mustEnd = false
    this.mustFlush = false
  }

  /** Up to where everything read is in batches. */
  get settled(): number {
    const { settledOffset } = this.interpreter
    // What comes after the last line is no line: marks of the encoding, zeros.
    return settledOffset >= this.lineEnd ? this.position : settledOffset
  }

  /** Lines that the interpreter still holds back. */
  get isHolding(): boolean {
    return this.settled < this.position
  }

  /** What the journal is to keep once everything up to `offset` is delivered. */
  record(offset: number): FileRecord {
    return {
      key: this.key,
      path: this.path,
      firstPath: this.firstPath,
      device: this.device,
      inode: this.inode,
      head: this.head,
      offset,
      anchor: this.anchor,
      anchorAt: this.anchorAt,
      crc: this.crc,
      crcBytes: this.crcBytes,
      part: offset === this.position ? this.part : 0,
      encoding: this.encoding,
    }
  }
}

/** A file that was never read. */
export function newRecord(key: number, path: string, stats: BigIntStats): FileRecord {
  return {
    key,
    path,
    firstPath: path,
    device: String(stats.dev),
    inode: String(stats.ino),
    head: EMPTY_FINGERPRINT,
    offset: 0,
    anchor: EMPTY_FINGERPRINT,
    anchorAt: 0,
    crc: 0,
    crcBytes: 0,
    part: 0,
    encoding: 'unknown',
  }
}

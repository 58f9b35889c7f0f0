const KiB = 1024
const MiB = 1024 * KiB

/** Every bound of the source. */
export const FILE_LIMITS = {
  /** A longer line becomes several events, each marked with its part. */
  lineBytesMax: 1 * MiB,
  /** Read at once from one file; then it is another one's turn. */
  readBytes: 256 * KiB,
  /** Files that are read at the same time: one on a disk that hangs must not hold up the others. */
  readersMax: 4,
  /** Files held open. */
  openFilesMax: 512,
  /** Files followed at once; further ones are reported and left alone. */
  filesMax: 100_000,
  /** Folders that are watched. */
  foldersMax: 20_000,
  /** Rows of one delivery, in bytes and in number. */
  deliveryBytes: 4 * MiB,
  deliveryRowsMax: 200_000,
  /** Files of which there are lines in one delivery: what the journal has to say of it is one line. */
  deliveryFilesMax: 1000,
  /** From the start of one delivery to that of the next, unless there is enough for one: a line alone leaves at once. */
  lingerMs: 100,
  /** A line without its end that does not grow becomes an event after this. */
  partialMs: 5000,
  /** What may go on in a further line becomes an event when nothing came for so long. */
  holdMs: 150,
  /** Held back of all files together; beyond it those that wait longest become events at once. */
  heldBytesMax: 8 * MiB,
  /** A file that was renamed or removed is read until nothing came for so long. */
  rotatedMs: 30_000,
  /** How often all folders are listed and all files looked at, without being told. */
  rescanMs: 15_000,
  /** The same where the file system does not tell of changes. */
  pollMs: 1000,
  /** How long one call into a file system of another machine may take before its files are left alone. */
  remoteCallMs: 3000,
  /** Pause after a file could not be read. */
  retryMs: 5000,
  /** An archive is read once it has not changed for so long. */
  archiveQuietMs: 2000,
  /** What was read of a file that is gone is remembered for so many files of one name: copies of it are known by that. */
  ancestorsMax: 32,
} as const

export type FileLimits = { readonly [name in keyof typeof FILE_LIMITS]: number }

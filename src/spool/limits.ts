const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

/** Every bound of the spool. */
export const SPOOL_LIMITS = {
  /** A file is written when this much waits. */
  flushBytes: 8 * MiB,
  /** Longest time a batch waits for others to be written with, while somebody says that more is coming. */
  flushDelayMs: 50,
  /** Room on disk for files that are not yet in the store; whole blocks of 4 KiB count. */
  bytesMax: 4 * GiB,
  /** Batches accepted and not yet written. Reached only when the disk is slower than what arrives. */
  waitingBytesMax: 256 * MiB,
  /** Writers are refused while less is free on the disk: the store needs room to take what is waiting. */
  diskFreeBytesMin: 512 * MiB,
  /** How often the free space is looked at, at most. */
  diskCheckMs: 1000,
  /** Files, bytes and rows of one load; the first file always goes, however large. */
  loadFilesMax: 500,
  loadBytesMax: 64 * MiB,
  /** Also the most rows of one batch. A load of at most so many rows is one block of the store, and so one part. */
  loadRowsMax: 262_144,
  /** From the start of a load to the start of the next, unless a whole load waits: small loads cost the store most. */
  loadIntervalMs: 500,
  /** Pause after a load that failed; doubles from the first to the second with each failure in a row. */
  backoffMsMin: 250,
  backoffMsMax: 5000,
  /** Attempts at a load that may fail because the disk cannot read a file; then the file is set aside. */
  readFailuresMax: 10,
  /** Refusals after which no more rows of one file are told apart: what is refused then goes to quarantine whole. */
  isolationRefusalsMax: 500,
} as const

export type SpoolLimits = { readonly [name in keyof typeof SPOOL_LIMITS]: number }

/** Space on disk is taken in blocks of this size. */
export const BLOCK_BYTES = 4 * KiB

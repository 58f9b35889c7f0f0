/** Everything that bounds streams. */
export interface StreamLimits {
  /** Streams kept; beyond it the oldest that has ended makes room. */
  streamsMax: number
  /** Bytes of all streams together; beyond it the oldest that have ended make room. */
  bytesMax: number
  /** How long a stream is kept after its end. */
  ageMs: number
  /** Writers are refused while less than this is free on the disk. */
  diskFreeBytesMin: number
  /** Writers at once. */
  writersMax: number
  /** Readers at once, over all streams. */
  readersMax: number
  /** How long readers of a stream whose writer was cut off are kept waiting for it to come back. */
  resumeWaitMs: number
  /** Bytes of one writer that were taken and are not in the file yet; it is not read any further beyond that. */
  pendingBytesMax: number
  /** The newest bytes of a stream that are kept in memory for those who follow it. */
  windowBytes: number
  /** What is read from disk at once for one reader. */
  readChunkBytesMax: number
  /** The same while very many readers are behind. */
  readChunkBytesMin: number
  /** Memory for what was read from disk and waits for its readers. */
  readBytesMax: number
  /** How long bytes may be in the file without having been synced to the disk. */
  syncMs: number
  /** How long new bytes of a stream with many readers may be gathered before they are shown. */
  gatherMsMax: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const STREAM_LIMITS: StreamLimits = {
  streamsMax: 10_000,
  bytesMax: 10 * 1024 * MiB,
  ageMs: 30 * 24 * 3_600_000,
  diskFreeBytesMin: 512 * MiB,
  writersMax: 200,
  readersMax: 15_000,
  resumeWaitMs: 60_000,
  pendingBytesMax: MiB,
  windowBytes: 512 * KiB,
  readChunkBytesMax: 256 * KiB,
  readChunkBytesMin: 16 * KiB,
  readBytesMax: 64 * MiB,
  syncMs: 1000,
  gatherMsMax: 20,
}

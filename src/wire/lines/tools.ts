import { EVENT_LIMITS, type EventLimits } from '../transcode/limits.ts'
import { type RowFound, RowWriter } from '../transcode/row-writer.ts'
import { TimestampReader, type TimeZone } from '../transcode/timestamp.ts'
import { LineTranscoder } from '../transcode/transcoder.ts'
import { FieldFormats } from './formats.ts'
import type { JoinLimits } from './text-events.ts'
import { createTimeZone } from './time-zone.ts'
import { createWallTime } from './wall-time.ts'
import { CriWrapper, DockerWrapper, type Wrapper } from './wrappers.ts'

/** Events of several lines are ended there. */
export const JOIN_LIMITS: JoinLimits = { linesMax: 500, bytesMax: 256 * 1024 }

export type LineLimits = EventLimits & JoinLimits

/**
 * What reading lines takes and no file has to have for itself: about 150 KB. Files whose times are of the same zone
 * share it.
 */
export class LineTools {
  readonly limits: LineLimits
  readonly zone: TimeZone
  readonly days = new TimestampReader()
  readonly wallTime = createWallTime()
  readonly transcoder: LineTranscoder
  readonly formats: FieldFormats
  readonly docker: DockerWrapper
  readonly wrappers: readonly Wrapper[]
  readonly cri = new CriWrapper()
  readonly writer = new RowWriter()
  /** What counts where a line says nothing: set for each line. */
  readonly otherwise: RowFound = { seconds: Number.NaN, nanoseconds: 0, severity: 0, isLineMessage: true }

  /** `timeZone`: see `createTimeZone`. Throws a RangeError for one that does not exist. */
  constructor(timeZone: string, limits: Partial<LineLimits> = {}) {
    this.limits = { ...EVENT_LIMITS, ...JOIN_LIMITS, ...limits }
    this.zone = createTimeZone(timeZone)
    this.transcoder = new LineTranscoder(this.limits, this.zone)
    this.formats = new FieldFormats(this.zone, this.limits)
    this.docker = new DockerWrapper(this.limits)
    this.wrappers = [this.docker, this.cri]
  }
}

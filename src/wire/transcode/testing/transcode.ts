/** For tests: bytes in, events out. */
import { EventView } from '../../../core/batch.ts'
import type { EventBatch } from '../../../core/batch.ts'
import type { LogEvent } from '../../../core/event.ts'
import { EventStream, type EventStreamOptions, type Reject, type StreamFormat } from '../event-stream.ts'
import { EVENT_LIMITS, type EventLimits } from '../limits.ts'
import { eventDefaults } from '../row-writer.ts'
import { LineTranscoder } from '../transcoder.ts'

/** 2026-11-21T12:00:00Z */
export const TEST_NOW_SECONDS = 1_795_262_400

export interface Transcoded {
  events: LogEvent[]
  rejects: Reject[]
}

export interface TranscodeOptions extends Partial<EventStreamOptions> {
  limits?: Partial<EventLimits>
  /** Length of each chunk; all at once without. */
  chunkBytes?: number
}

export function transcode(
  input: string | Uint8Array,
  format: StreamFormat = 'lines',
  options: TranscodeOptions = {},
): Transcoded {
  const rejects: Reject[] = []
  const stream = new EventStream({
    transcoder: new LineTranscoder({ ...EVENT_LIMITS, ...options.limits }),
    format,
    defaults: eventDefaults({}),
    nowSeconds: TEST_NOW_SECONDS,
    onReject: (line, _reason, reason) => rejects.push({ line, reason }),
    ...options,
  })
  const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input)
  const step = options.chunkBytes ?? Math.max(1, bytes.length)
  for (let at = 0; at < bytes.length; at += step) stream.push(bytes.subarray(at, at + step))
  stream.end()
  const events = eventsOf(stream.takeBatch())
  if (events.length !== stream.acceptedCount || rejects.length !== stream.rejectedCount) throw new Error('miscounted')
  return { events, rejects }
}

export function eventsOf(batch: EventBatch | undefined): LogEvent[] {
  const view = new EventView()
  return Array.from({ length: batch?.rows ?? 0 }, (_, row) =>
    view.at(batch?.bytes ?? Buffer.alloc(0), batch?.offsets[row] ?? 0).toEvent(),
  )
}

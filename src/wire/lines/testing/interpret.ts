/** For tests: the text of a file in, events out. */
import { EventBatch } from '../../../core/batch.ts'
import type { LogEvent } from '../../../core/event.ts'
import { eventsOf, TEST_NOW_SECONDS } from '../../transcode/testing/transcode.ts'
import { eventDefaults } from '../../transcode/row-writer.ts'
import { type LineLimits, LineTools } from '../tools.ts'
import { createLineInterpreter, type LineInterpreter, type LineOptions } from '../interpreter.ts'

export interface Interpreted {
  events: LogEvent[]
  interpreter: LineInterpreter
}

export interface InterpretOptions extends Partial<LineOptions> {
  timeZone?: string
  limits?: Partial<LineLimits>
  /** The reader's buffer: lines are given in from pieces of this size. All at once without. */
  chunkBytes?: number
  /** Lines after which everything held back is ended. */
  flushEvery?: number
}

/** Reads a file as the agent does: chunks are overwritten once they were read. */
export function interpret(input: string | Uint8Array, options: InterpretOptions = {}): Interpreted {
  const interpreter = createLineInterpreter({
    format: 'auto',
    tools: testTools(options),
    referenceSeconds: TEST_NOW_SECONDS,
    defaults: eventDefaults({}),
    ...options,
  })
  const file = Buffer.from(input as Uint8Array)
  const batch = new EventBatch()
  const chunkBytes = Math.max(1, options.chunkBytes ?? file.length)
  // What one read leaves behind its last newline stays at the begin of the buffer for the next.
  let buffer = Buffer.alloc(chunkBytes)
  let kept = 0
  let lines = 0
  for (let read = 0; read < file.length; read += chunkBytes) {
    if (kept + chunkBytes > buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(chunkBytes)])
    const end = kept + file.copy(buffer, kept, read, read + chunkBytes)
    const start = read - kept
    let from = 0
    while (from < end) {
      const newline = buffer.subarray(0, end).indexOf(0x0a, from)
      if (newline < 0 && start + end < file.length) break
      const to = newline < 0 ? end : newline
      interpreter.line(batch, buffer, from, to, Math.min(file.length, start + to + 1))
      from = to + 1
      if (++lines % (options.flushEvery ?? Number.POSITIVE_INFINITY) === 0) interpreter.flush(batch)
    }
    interpreter.forget()
    buffer.copyWithin(0, from, end)
    kept = Math.max(0, end - from)
    buffer.fill(0x58, kept)
  }
  interpreter.flush(batch)
  return { events: eventsOf(batch), interpreter }
}

const UTC_TOOLS = new LineTools('UTC')

/** Shared by the files of all tests that want nothing else. */
export function testTools({ timeZone, limits }: InterpretOptions = {}): LineTools {
  return timeZone === undefined && limits === undefined ? UTC_TOOLS : new LineTools(timeZone ?? 'UTC', limits)
}

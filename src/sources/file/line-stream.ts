import type { Readable } from 'node:stream'
import { EventBatch } from '../../core/batch.ts'
import type { Sink } from '../../core/sink.ts'
import type { LineInterpreter } from '../../wire/lines/interpreter.ts'
import { LineSplitter } from '../../wire/transcode/line-splitter.ts'
import { appendRowAttribute } from '../../core/row-attribute.ts'
import { CUT_ATTRIBUTE } from '../../wire/transcode/transcoder.ts'

export interface LineStreamOptions {
  interpreter: LineInterpreter
  sink: Sink
  lineBytesMax: number
  /** Rows are handed to the sink in batches of about this size, or after so long. */
  batchBytes: number
  lingerMs: number
}

/**
 * Lines of standard input or of a command → the sink, no faster than it takes them. Resolves when the stream has ended
 * and everything is durable.
 */
export async function readLines(input: Readable, options: LineStreamOptions): Promise<void> {
  const { interpreter, sink, lineBytesMax, batchBytes, lingerMs } = options
  let batch = new EventBatch()
  let offset = 0
  let failure: unknown
  let writing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const splitter = new LineSplitter(
    {
      span(bytes, start, end, _number, cutBytes) {
        offset += end - start + 1
        if (cutBytes > 0) interpreter.flush(batch)
        interpreter.line(batch, bytes, start, end, offset)
        if (cutBytes === 0) return
        interpreter.flush(batch)
        if (batch.rows > 0) appendRowAttribute(batch, CUT_ATTRIBUTE, String(cutBytes))
      },
    },
    lineBytesMax,
  )
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    if (batch.rows === 0) return writing
    const full = batch
    batch = new EventBatch()
    writing = writing.then(() => sink.write(full)).catch((error: unknown) => void (failure ??= error))
    return writing
  }
  const onQuiet = (): void => {
    interpreter.flush(batch)
    void flush()
  }
  for await (const chunk of input as AsyncIterable<Buffer>) {
    splitter.push(chunk)
    interpreter.forget()
    if (batch.length >= batchBytes) await flush()
    else timer ??= setTimeout(onQuiet, lingerMs)
    if (failure !== undefined) throw failure
  }
  splitter.end()
  interpreter.flush(batch)
  await flush()
  if (failure !== undefined) throw failure
}

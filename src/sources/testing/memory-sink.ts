/** For tests: a sink that keeps events in memory, and can refuse or delay them. */
import { type EventBatch, EventView } from '../../core/batch.ts'
import type { LogEvent } from '../../core/event.ts'
import type { Sink, WriteOptions } from '../../core/sink.ts'

export class MemorySink implements Sink {
  batches: EventBatch[] = []
  /** What was wanted of each batch. */
  options: (WriteOptions | undefined)[] = []
  /** Requests that said more is coming. */
  holders = 0
  /** Asked before each batch: throws to refuse it, resolves late to delay it. */
  onWrite: (batch: EventBatch, number: number) => Promise<void> | void = () => {}

  async write(batch: EventBatch, options?: WriteOptions): Promise<void> {
    await this.onWrite(batch, this.batches.length)
    this.batches.push(batch)
    this.options.push(options)
  }

  hold(): () => void {
    this.holders++
    let isHeld = true
    return () => {
      if (!isHeld) throw new Error('released twice')
      isHeld = false
      this.holders--
    }
  }

  get rows(): number {
    return this.batches.reduce((sum, batch) => sum + batch.rows, 0)
  }

  events(): LogEvent[] {
    const view = new EventView()
    return this.batches.flatMap((batch) =>
      Array.from({ length: batch.rows }, (_, row) => view.at(batch.bytes, batch.offsets[row] ?? 0).toEvent()),
    )
  }
}

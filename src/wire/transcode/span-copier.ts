import { SLACK_BYTES } from './row-writer.ts'

/** Copies longer than this are handed to the runtime, which has a cost of its own to begin with. */
const LOOP_COPY_BYTES_MAX = 384

/**
 * Copies short spans from one buffer to another. Up to three bytes after the copy are overwritten. Which buffers these
 * are is remembered: making a view of one costs more than copying a line.
 */
export class SpanCopier {
  #source: Buffer = Buffer.alloc(0)
  #sourceCells: DataView = new DataView(new ArrayBuffer(0))
  #target: Buffer = this.#source
  #targetCells: DataView = this.#sourceCells

  copy(source: Buffer, from: number, to: number, target: Buffer, at: number): void {
    const size = to - from
    if (size > LOOP_COPY_BYTES_MAX || to + SLACK_BYTES > source.length || at + size + SLACK_BYTES > target.length) {
      source.copy(target, at, from, to)
      return
    }
    if (source !== this.#source) {
      this.#source = source
      this.#sourceCells = new DataView(source.buffer, source.byteOffset, source.byteLength)
    }
    if (target !== this.#target) {
      this.#target = target
      this.#targetCells = new DataView(target.buffer, target.byteOffset, target.byteLength)
    }
    const input = this.#sourceCells
    const output = this.#targetCells
    for (let i = 0; i < size; i += 4) output.setInt32(at + i, input.getInt32(from + i, true), true)
  }
}

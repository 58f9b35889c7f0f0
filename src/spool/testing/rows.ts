import { EventBatch, EventView, ROW_RECEIVED } from '../../core/batch.ts'

/** Batches of numbered rows for tests: the message is the number, the received time counts on. */
export class RowMaker {
  #nextNs: bigint

  constructor(firstNs = 1_000_000_000_000_000_000n) {
    this.#nextNs = firstNs
  }

  get lastNs(): bigint {
    return this.#nextNs - 1n
  }

  /** One row for each message; `padding` more bytes in each. */
  batch(messages: readonly string[], padding = 0): EventBatch {
    const batch = new EventBatch()
    for (const message of messages) {
      const at = batch.length
      const attributes = new Map(padding > 0 ? [['padding', 'x'.repeat(padding)]] : [])
      batch.append({ message, timestampNs: 1n, service: 'test', attributes })
      batch.bytes.writeBigInt64LE(this.#nextNs++, at + ROW_RECEIVED)
    }
    return batch
  }
}

/** The messages of all rows. Throws RangeError where the bytes are no rows. */
export function messagesIn(bytes: Buffer): string[] {
  const view = new EventView()
  const messages: string[] = []
  for (let at = 0; at < bytes.length; at = view.end) messages.push(view.at(bytes, at).text('message'))
  return messages
}

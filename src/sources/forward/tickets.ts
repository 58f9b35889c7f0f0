import { crc32 } from 'node:zlib'

/** What a sender waits for: the events of one message that is to be acknowledged. */
export class Ticket {
  #writes = 0
  #parts = 0
  #isWhole = false
  #hasFailed = false
  #listeners: ((isDurable: boolean) => void)[] = []
  #outcome: boolean | undefined

  /** Some of its events are on their way; `settle` has to be called with what became of them. */
  begin(): void {
    this.#writes++
    this.#parts++
  }

  /** Its events are not all in one batch, or may not be. */
  get isInParts(): boolean {
    return this.#parts > 1 || !this.#isWhole
  }

  settle(isDurable: boolean): void {
    this.#writes--
    this.#hasFailed ||= !isDurable
    this.#look()
  }

  /** All of its events were handed on, or it is given up. */
  end(isGood: boolean): void {
    this.#isWhole = true
    this.#hasFailed ||= !isGood
    this.#look()
  }

  /** Called once it is known, at once if it is. */
  onSettled(listener: (isDurable: boolean) => void): void {
    if (this.#outcome === undefined) this.#listeners.push(listener)
    else listener(this.#outcome)
  }

  #look(): void {
    if (this.#writes > 0 || !this.#isWhole || this.#outcome !== undefined) return
    this.#outcome = !this.#hasFailed
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(this.#outcome)
  }
}

export interface ChunkMemoryOptions {
  chunksMax: number
  keepMs: number
  nowMs: () => number
}

/**
 * The messages that were stored lately or are on their way, by chunk id and contents: a sender that did not get the
 * acknowledgement sends the same bytes again.
 */
export class ChunkMemory {
  readonly #options: ChunkMemoryOptions
  readonly #known = new Map<string, { ticket: Ticket; atMs: number; slot: number }>()
  /** Names in a ring, in the order they came: whoever asks a map for its oldest walks over all that it has forgotten. */
  readonly #names: (string | undefined)[] = []
  #slot = 0

  constructor(options: ChunkMemoryOptions) {
    this.#options = options
  }

  /** The ticket of a message, and whether it is the first time that it has come. */
  of(sender: string, chunk: string, message: Buffer): { ticket: Ticket; isNew: boolean } {
    const { chunksMax, keepMs, nowMs } = this.#options
    const name = `${sender}\n${chunk}\n${message.length}\n${crc32(message)}`
    const known = this.#known.get(name)
    if (known && nowMs() - known.atMs <= keepMs) return { ticket: known.ticket, isNew: false }
    const ticket = new Ticket()
    const slot = this.#slot
    this.#slot = (slot + 1) % chunksMax
    const oldest = this.#names[slot]
    if (oldest !== undefined && this.#known.get(oldest)?.slot === slot) this.#known.delete(oldest)
    this.#names[slot] = name
    this.#known.set(name, { ticket, atMs: nowMs(), slot })
    ticket.onSettled((isDurable) => {
      if (!isDurable && this.#known.get(name)?.ticket === ticket) this.#known.delete(name)
    })
    return { ticket, isNew: true }
  }
}

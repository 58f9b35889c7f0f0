import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** Attribute of the last event of a chunk: which one it was. */
export const CHUNK_ATTRIBUTE = 'forward.chunk'
/** Enough to tell chunks of some minutes apart. */
const MARK_BYTES = 9

/** What a sender waits for: the events of one message that is to be acknowledged. */
export class Ticket {
  /** Stands for the message among the events. */
  readonly mark: string
  #writes = 0
  #parts = 0
  #isWhole = false
  #hasFailed = false
  #listeners: ((isDurable: boolean) => void)[] = []
  #outcome: boolean | undefined

  constructor(mark: string) {
    this.mark = mark
  }

  /** Some of its events are on their way; `settle` has to be called with what became of them. */
  begin(): void {
    this.#writes++
    this.#parts++
  }

  /** Some of its events were handed on. */
  get hasBegun(): boolean {
    return this.#parts > 0
  }

  /** Its events are in one batch as far as they were handed on. */
  get isInOne(): boolean {
    return this.#parts === 1
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
 * acknowledgement sends the same bytes again. Those of an earlier process are known by the marks on their events.
 */
export class ChunkMemory {
  readonly #options: ChunkMemoryOptions
  readonly #known = new Map<string, { ticket: Ticket; atMs: number; slot: number }>()
  /** Marks in a ring, in the order they came: whoever asks a map for its oldest walks over all that it has forgotten. */
  readonly #names: (string | undefined)[] = []
  #slot = 0
  #isComplete = false
  #waiting: (() => void)[] = []

  constructor(options: ChunkMemoryOptions) {
    this.#options = options
  }

  /** What an earlier process has stored is known, or is not going to be. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Calls back once that is so. */
  onComplete(listener: () => void): void {
    this.#waiting.push(listener)
  }

  /** With the marks of what an earlier process has stored, oldest first. */
  complete(marks: readonly string[]): void {
    for (const mark of marks) if (!this.#known.has(mark)) this.#remember(mark).end(true)
    this.#isComplete = true
    const waiting = this.#waiting
    this.#waiting = []
    for (const listener of waiting) listener()
  }

  /** The ticket of a message, and whether it is the first time that it has come. */
  of(sender: string, chunk: string, message: Buffer): { ticket: Ticket; isNew: boolean } {
    const { keepMs, nowMs } = this.#options
    const mark = markOf(`${sender}\n${chunk}\n${message.length}\n${crc32(message)}`)
    const known = this.#known.get(mark)
    if (known && nowMs() - known.atMs <= keepMs) return { ticket: known.ticket, isNew: false }
    return { ticket: this.#remember(mark), isNew: true }
  }

  #remember(mark: string): Ticket {
    const { chunksMax, nowMs } = this.#options
    const ticket = new Ticket(mark)
    const slot = this.#slot
    this.#slot = (slot + 1) % chunksMax
    const oldest = this.#names[slot]
    if (oldest !== undefined && this.#known.get(oldest)?.slot === slot) this.#known.delete(oldest)
    this.#names[slot] = mark
    this.#known.set(mark, { ticket, atMs: nowMs(), slot })
    ticket.onSettled((isDurable) => {
      if (!isDurable && this.#known.get(mark)?.ticket === ticket) this.#known.delete(mark)
    })
    return ticket
  }
}

function markOf(name: string): string {
  return createHash('sha256').update(name).digest().toString('base64url', 0, MARK_BYTES)
}

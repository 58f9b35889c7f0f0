import type { Counters } from '../../core/counters.ts'
import type { Logger } from '../../core/logger.ts'
import { CONTROL_TEXT } from '../../wire/logd/fields.ts'
import type { LogdQuery } from '../../wire/logd/message.ts'
import type { EventSubscription, Reading } from '../source.ts'
import type { Sender } from './admission.ts'
import { controlAnswer, eventAnswer } from './answer.ts'
import { eventFilter } from './filter.ts'
import type { Outlet } from './outlet.ts'
import type { LogdLimits } from './settings.ts'

const TAILING = controlAnswer(CONTROL_TEXT.tailing)
const KICK = controlAnswer(CONTROL_TEXT.kick)

interface Tail {
  outlet: Outlet
  sender: Sender
  subscription: EventSubscription<Buffer>
  pingedMs: number
  /** Takes away what ends it when its key ends. */
  forget: () => void
}

export interface TailsOptions {
  reading: Reading
  limits: Pick<LogdLimits, 'tailsMax' | 'tailBufferEventsMax' | 'answerBytesMax' | 'pingMsMax'>
  counters: Counters
  logger: Logger
  /** Milliseconds, rising steadily. */
  nowMs: () => number
}

/** Who is being shown events as they come: one tail for each address, as long as it pings. */
export class Tails {
  readonly #options: TailsOptions
  readonly #tails = new Map<Outlet, Tail>()

  constructor(options: TailsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#tails.size
  }

  /** Begins to show events to an address, or others than before. False when there are too many tails. */
  start(outlet: Outlet, sender: Sender, query: LogdQuery): boolean {
    const { limits, reading, nowMs } = this.#options
    const before = this.#tails.get(outlet)
    if (!before && this.#tails.size >= limits.tailsMax) return false
    if (before) this.#end(before)
    const matches = eventFilter(query, 'least', sender.matches)
    const subscription = reading.subscribe({
      select: (event) => (matches(event) ? eventAnswer(event, limits.answerBytesMax) : undefined),
      bufferEventsMax: limits.tailBufferEventsMax,
    })
    const tail: Tail = { outlet, sender, subscription, pingedMs: nowMs(), forget: () => undefined }
    this.#tails.set(outlet, tail)
    outlet.users++
    outlet.sendNow(TAILING)
    void this.#run(tail)
    tail.forget = sender.principal.onEnded(() => this.#kick(tail))
    return true
  }

  /** Somebody still wants it: the one who began it. */
  ping(outlet: Outlet, sender: Sender): void {
    const tail = this.#tails.get(outlet)
    if (tail?.sender.id === sender.id) tail.pingedMs = this.#options.nowMs()
  }

  /** Ends tails that nobody has pinged for too long. */
  sweep(): void {
    const oldestMs = this.#options.nowMs() - this.#options.limits.pingMsMax
    for (const tail of this.#tails.values()) if (tail.pingedMs < oldestMs) this.#kick(tail)
  }

  close(): void {
    for (const tail of this.#tails.values()) this.#kick(tail)
  }

  #kick(tail: Tail): void {
    if (this.#tails.get(tail.outlet) !== tail) return
    this.#end(tail)
    tail.outlet.sendNow(KICK)
    this.#options.counters.add('logd_kicks_total')
  }

  #end(tail: Tail): void {
    this.#tails.delete(tail.outlet)
    tail.outlet.users--
    tail.forget()
    tail.subscription.close()
  }

  async #run(tail: Tail): Promise<void> {
    try {
      await this.#show(tail)
    } catch (err) {
      this.#options.logger.error({ err }, 'A logd tail failed')
      this.#kick(tail)
    }
  }

  async #show(tail: Tail): Promise<void> {
    const { subscription, outlet } = tail
    const isOpen = (): boolean => this.#tails.get(outlet) === tail
    for (let taken = await subscription.take(); taken; taken = await subscription.take()) {
      if (taken.skipped > 0) {
        this.#options.counters.add('logd_tail_skipped_total', {}, taken.skipped)
        await outlet.send(controlAnswer(`${taken.skipped} messages skipped`))
      }
      for (const { value } of taken.items) {
        if (!isOpen()) return
        if (!outlet.trySend(value) && !(await outlet.send(value)))
          this.#options.counters.add('logd_answers_dropped_total')
      }
    }
  }
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Counters } from '../../core/counters.ts'
import type { Logger } from '../../core/logger.ts'
import { CONTROL_TEXT } from '../../wire/logd/fields.ts'
import type { LogdQuery } from '../../wire/logd/message.ts'
import type { Reading } from '../source.ts'
import type { Sender } from './admission.ts'
import { controlAnswer, eventAnswer } from './answer.ts'
import { eventFilter } from './filter.ts'
import type { Intake } from './intake.ts'
import type { Outlet } from './outlet.ts'
import type { LogdLimits } from './settings.ts'

const END = controlAnswer(CONTROL_TEXT.end)

export interface QueriesOptions {
  reading: Reading
  limits: Pick<LogdLimits, 'queriesMax' | 'queryMessagesMax' | 'queryWaitMsMax' | 'answerBytesMax'>
  counters: Counters
  logger: Logger
  /** What is being written: an answer has what was received before it was asked for. */
  intake: Pick<Intake, 'isSettled' | 'settle'>
}

/** Answers from memory what was asked for, newest first. */
export class Queries {
  readonly #options: QueriesOptions
  #running = 0
  #isClosed = false

  constructor(options: QueriesOptions) {
    this.#options = options
  }

  /** False when there are too many at once. The answer ends with `+END`, unless the server is closed before. */
  start(outlet: Outlet, sender: Sender, query: LogdQuery): boolean {
    if (this.#running >= this.#options.limits.queriesMax) return false
    this.#running++
    outlet.users++
    void this.#run(outlet, sender, query)
    return true
  }

  close(): void {
    this.#isClosed = true
  }

  async #run(outlet: Outlet, sender: Sender, query: LogdQuery): Promise<void> {
    const { counters, logger, intake, limits } = this.#options
    try {
      if (!intake.isSettled) await Promise.race([intake.settle(), delay(limits.queryWaitMsMax)])
      const missed = await this.#answer(outlet, sender, query)
      if (missed > 0) {
        counters.add('logd_query_missed_total', {}, missed)
        await outlet.send(controlAnswer(`${missed} messages were overwritten before they could be read`))
      }
      await outlet.send(END)
    } catch (err) {
      logger.error({ err }, 'A logd query failed')
    } finally {
      this.#running--
      outlet.users--
    }
  }

  /** Resolves with how many events were overwritten before the walk came to them. */
  async #answer(outlet: Outlet, sender: Sender, query: LogdQuery): Promise<number> {
    const { reading, limits, counters } = this.#options
    const matches = eventFilter(query, 'exact', sender.matches)
    let toPass = query.offset ?? 0
    let toSelect = wantedMessages(query, limits.queryMessagesMax)
    const slices = reading.newestFirst({
      servicePrefix: query.keyPrefix ?? '',
      select: (event) => {
        if (toSelect === 0 || !matches(event)) return undefined
        if (toPass > 0) {
          toPass--
          return undefined
        }
        toSelect--
        return eventAnswer(event, limits.answerBytesMax)
      },
    })
    let missed = 0
    for await (const slice of slices) {
      for (const { value } of slice.items) {
        if (this.#isClosed) return missed
        if (!outlet.trySend(value) && !(await outlet.send(value))) counters.add('logd_answers_dropped_total')
      }
      if (toSelect === 0) break
      missed += slice.missed
    }
    return missed
  }
}

/** No limit, 0 and anything above the most there is mean the most there is. */
function wantedMessages({ limit = 0 }: LogdQuery, messagesMax: number): number {
  return limit === 0 ? messagesMax : Math.min(limit, messagesMax)
}

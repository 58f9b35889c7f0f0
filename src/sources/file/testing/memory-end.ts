/** For tests: the other end of deliveries, which knows ids as a server does and may lose answers. */
import { type EventBatch, EventView } from '../../../core/batch.ts'
import type { LogEvent } from '../../../core/event.ts'
import type { DeliverySink } from '../courier.ts'

function never(): Promise<never> {
  return new Promise(() => undefined)
}

export class MemoryEnd {
  readonly events: LogEvent[] = []
  readonly ids = new Set<string>()
  /** Message → how often it came. */
  readonly times = new Map<string, number>()
  deliveries = 0
  /** Asked before a delivery is taken, and after: what does not resolve is an answer that never comes. */
  onDeliver: () => Promise<void> | void = () => undefined
  onAnswer: () => Promise<void> | void = () => undefined

  /** An end for one process of the agent: `cut` loses everything that is under way. */
  connect(): DeliverySink & { cut: () => void } {
    let isCut = false
    return {
      cut: () => {
        isCut = true
      },
      deliver: async (id, batch) => {
        await this.onDeliver()
        if (isCut) return never()
        this.take(id, batch)
        await this.onAnswer()
        if (isCut) return never()
      },
      wasTaken: (id) => Promise.resolve(this.ids.has(id)),
    }
  }

  take(id: string, batch: EventBatch): void {
    this.deliveries++
    if (this.ids.has(id)) return
    this.ids.add(id)
    const view = new EventView()
    for (let row = 0; row < batch.rows; row++) {
      const event = view.at(batch.bytes, batch.offsets[row] ?? 0).toEvent()
      this.events.push(event)
      this.times.set(event.message, (this.times.get(event.message) ?? 0) + 1)
    }
  }

  get messages(): string[] {
    return this.events.map(({ message }) => message)
  }
}

import type { ServerState, UplinkListener } from '../client/agent/uplink.ts'
import type { Logger } from '../core/logger.ts'

/** What went wrong, in a sentence, and what to do about it. */
export interface Explanation {
  reason: string
  hint?: string | undefined
}

export type Explain = (error: unknown) => Explanation

/** What lasts is said again after this. */
const AGAIN_MS = 600_000

interface Trouble {
  reason: string
  saidMs: number
  sinceMs: number
}

/** One server as `agent status` shows it. */
export interface ServerStatus {
  url: string
  isCurrent: boolean
  /** `null`: all is well. */
  trouble: (Explanation & { since: string }) | null
}

/** Says on stderr how deliveries go: once when something changes, and now and then while it lasts. */
export class Troubles implements Pick<UplinkListener, 'failing' | 'over' | 'moved'> {
  readonly #logger: Logger
  readonly #explain: Explain
  readonly #now: () => number
  readonly #troubles = new Map<string, Trouble>()

  constructor(logger: Logger, explain: Explain, now: () => number = Date.now) {
    this.#logger = logger
    this.#explain = explain
    this.#now = now
  }

  failing(url: string, error: unknown): void {
    const { reason, hint } = this.#explain(error)
    const nowMs = this.#now()
    const known = this.#troubles.get(url)
    const isSaid = known?.reason === reason && nowMs - known.saidMs < AGAIN_MS
    this.#troubles.set(url, { reason, saidMs: isSaid ? known.saidMs : nowMs, sinceMs: known?.sinceMs ?? nowMs })
    if (isSaid) return
    this.#logger.warn(
      { server: url, reason, ...(hint === undefined ? {} : { hint }) },
      'Events cannot be delivered for now; they wait',
    )
  }

  over(url: string): void {
    const known = this.#troubles.get(url)
    if (!known) return
    this.#troubles.delete(url)
    const seconds = Math.round((this.#now() - known.sinceMs) / 1000)
    this.#logger.info({ server: url, afterSeconds: seconds }, 'Events are delivered again')
  }

  moved(from: string, to: string): void {
    this.#logger.warn({ from, to }, 'Events go to another server from now on')
  }

  statusOf(servers: readonly ServerState[]): ServerStatus[] {
    return servers.map(({ url, isCurrent, trouble }) => {
      const since = new Date(this.#troubles.get(url)?.sinceMs ?? this.#now()).toISOString()
      return { url, isCurrent, trouble: trouble === undefined ? null : { ...this.#explain(trouble), since } }
    })
  }
}

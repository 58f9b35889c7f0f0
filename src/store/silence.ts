import type { Connection } from './connection.ts'

/** A store that is silent for so many turns counts as one that does not answer. */
const TURNS_MAX = 5

export interface SilenceOptions {
  /** How long the store may leave a question unanswered. */
  limitMs: number
  /** What is to be asked now; `undefined`: nothing, since it is known to be away. */
  connection: () => Pick<Connection, 'ping'> | undefined
  /** Told at each change. */
  onChange: (isSilent: boolean) => void
}

/**
 * Notices when something is connected but hangs, as a stopped process does: asks it again and again whether it is there.
 * Counts its own turns rather than the time, which goes on while this process itself is held up.
 */
export class Silence {
  readonly #options: SilenceOptions
  readonly #timer: NodeJS.Timeout
  #asked: Pick<Connection, 'ping'> | undefined
  #turns = 0
  #begin: () => void = () => undefined
  #begun = new Promise<void>((resolve) => (this.#begin = resolve))

  constructor(options: SilenceOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#turn(), options.limitMs / TURNS_MAX)
    this.#timer.unref()
  }

  get isOn(): boolean {
    return this.#turns >= TURNS_MAX
  }

  /** Resolves once the store is silent; at once if it is. */
  get begun(): Promise<void> {
    return this.#begun
  }

  /** There is another connection, of which nothing is known, or none. */
  reset(): void {
    this.#asked = undefined
    this.#set(0)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    const connection = this.#options.connection()
    if (!connection) return this.reset()
    if (this.#asked === connection) return this.#set(Math.min(this.#turns + 1, TURNS_MAX))
    this.#asked = connection
    void this.#ask(connection)
  }

  async #ask(connection: Pick<Connection, 'ping'>): Promise<void> {
    const isThere = await connection.ping()
    if (this.#asked !== connection) return
    this.#asked = undefined
    // What failed is asked anew: that it is away altogether is found out elsewhere.
    if (isThere) this.#set(0)
  }

  #set(turns: number): void {
    const wasOn = this.isOn
    this.#turns = turns
    if (this.isOn === wasOn) return
    if (this.isOn) this.#begin()
    else this.#begun = new Promise((resolve) => (this.#begin = resolve))
    this.#options.onChange(this.isOn)
  }
}

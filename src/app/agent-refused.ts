import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Uplink } from '../client/agent/uplink.ts'
import { countRows } from '../client/agent/row-parts.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'

const FOLDER = 'refused'
const ENDING = '.rows'

export interface RefusedOptions {
  stateDir: string
  bytesMax: number
  counters: Counters
  logger: Logger
}

/** What a server refuses for good holds nothing up, and is not lost: it is set aside, and tried again at the next start. */
export class Refused {
  readonly #options: RefusedOptions
  readonly #folder: string
  #bytes = 0
  #isFull = false
  /** Deliveries that are there and were refused again. */
  readonly #again = new Set<string>()

  constructor(options: RefusedOptions) {
    this.#options = options
    this.#folder = join(options.stateDir, FOLDER)
    for (const name of this.#names()) this.#bytes += statSync(join(this.#folder, name)).size
  }

  /** Resolves with whether there was room for it. */
  async keep(delivery: string, rows: Uint8Array, reason: string): Promise<boolean> {
    const { bytesMax, counters, logger } = this.#options
    const path = join(this.#folder, delivery + ENDING)
    if (existsSync(path)) {
      this.#again.add(delivery)
      return true
    }
    if (this.#bytes + rows.length > bytesMax) {
      if (!this.#isFull)
        logger.error({ reason, folder: this.#folder }, 'There is no room for refused events: they wait')
      this.#isFull = true
      return false
    }
    this.#isFull = false
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const file = await open(`${path}.new`, 'w', 0o600)
    try {
      await file.writeFile(rows)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    this.#bytes += rows.length
    const events = countRows(rows)
    counters.add('agent_refused_events_total', {}, events)
    logger.error(
      { reason, events, folder: this.#folder },
      'The server refuses events for good; they are set aside and tried again at the next start',
    )
    return true
  }

  /** Delivers what was refused once; what still is stays where it is. */
  async retry(uplink: Uplink): Promise<void> {
    for (const name of this.#names()) {
      const path = join(this.#folder, name)
      const delivery = name.slice(0, -ENDING.length)
      const rows = readFileSync(path)
      await uplink.deliver(delivery, [rows], true)
      if (this.#again.has(delivery)) continue
      rmSync(path, { force: true })
      this.#bytes -= rows.length
    }
  }

  #names(): string[] {
    return existsSync(this.#folder) ? readdirSync(this.#folder).filter((name) => name.endsWith(ENDING)) : []
  }
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SPOOLED_DELIVERY } from '../../core/agent.ts'
import { saveFile } from './saved-file.ts'

const FILE = 'deliveries.json'
/**
 * Deliveries that are remembered for each way of an agent: what it reads from files, and what it sends from its spool. It
 * has one delivery of each under way at a time.
 */
const IDS_PER_WAY = 16
/** How far clocks may step without a delivery being overlooked after a crash. */
const STEP_NS = 60_000_000_000n

/** Saved at least so often, so that little has to be looked through after a crash. */
const SAVE_NS_MAX = 60_000_000_000n

interface Saved {
  /** Every delivery that was received before is among the ids. */
  throughNs: string
  agents: Record<string, string[]>
}

export interface DeliveriesOptions {
  /** Where they are saved now and then; without, they are known from what is stored alone. */
  dir?: string | undefined
  agentsMax: number
  clock: () => bigint
}

/**
 * Which deliveries have arrived. They are remembered in memory, saved now and then, and what came after the last save
 * is found in the events themselves: whatever dies when, a delivery that comes again is known.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions
  /** Newest last. */
  readonly #known = new Map<string, string[]>()
  readonly #writing = new Map<string, { written: Promise<void>; sinceNs: bigint }>()
  /** The process of each agent that may deliver. */
  readonly #runs = new Map<string, string>()
  /** When everything that was received later has to be looked for; `undefined`: nothing was saved. */
  readonly savedThroughNs: bigint | undefined
  /** Taken by this process before it knew what earlier ones took. */
  readonly #taken = new Map<string, string[]>()
  #isRecalled = false
  #isDirty = true
  #savedNs = 0n

  constructor(options: DeliveriesOptions) {
    this.#options = options
    this.savedThroughNs = this.#read()
  }

  /** Only this process of the agent delivers from now on: what an earlier one still has on its way is refused. */
  begin(agent: string, run: string): void {
    this.#runs.delete(agent)
    this.#runs.set(agent, run)
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= this.#options.agentsMax) return
      this.#runs.delete(oldest)
    }
  }

  /** Whether another process of the agent has taken its place. */
  isReplaced(agent: string, run: string): boolean {
    const current = this.#runs.get(agent)
    return current !== undefined && current !== run
  }

  /** Resolves with whether the delivery is there, all of it; waits for it where it is being written. */
  async has(agent: string, id: string): Promise<boolean> {
    for (const [key, { written }] of this.#writing) {
      if (isAllOf(key, keyOf(agent, id))) await written.catch(() => undefined)
    }
    return this.#known.get(agent)?.some((known) => isAllOf(known, id)) === true
  }

  /** Writes a delivery unless it is there. False: it was there before. */
  async once(agent: string, id: string, write: () => Promise<void>): Promise<boolean> {
    const key = keyOf(agent, id)
    for (let other = this.#writing.get(key); other; other = this.#writing.get(key)) {
      await other.written.catch(() => undefined)
    }
    if (this.#known.get(agent)?.includes(id) === true) return false
    const written = write()
    this.#writing.set(key, { written, sinceNs: this.#options.clock() })
    try {
      await written
      this.add(agent, id)
      if (!this.#isRecalled) this.#taken.set(agent, newestOf([...(this.#taken.get(agent) ?? []), id]))
      return true
    } finally {
      this.#writing.delete(key)
    }
  }

  add(agent: string, id: string): void {
    const ids = this.#known.get(agent) ?? []
    if (!ids.includes(id)) this.#set(agent, newestOf([...ids, id]))
  }

  #set(agent: string, ids: string[]): void {
    this.#known.delete(agent)
    this.#known.set(agent, ids)
    this.#isDirty = true
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#options.agentsMax) return
      this.#known.delete(oldest)
    }
  }

  /**
   * What the attributes of events of earlier processes say, oldest first. What was taken meanwhile is newer than that,
   * and must not be forgotten for it.
   */
  recall(marks: readonly string[]): void {
    for (const [agent, ids] of byAgent(marks)) {
      this.#set(agent, newestOf([...(this.#known.get(agent) ?? []), ...ids, ...(this.#taken.get(agent) ?? [])]))
    }
    this.#taken.clear()
    this.#isRecalled = true
  }

  /** Whether the delivery is among what others took, as the attributes of events say: then it is known from now on. */
  learn(marks: readonly string[], agent: string, id: string): void {
    const prefix = keyOf(agent, '')
    for (const mark of marks) {
      const known = mark.slice(prefix.length)
      if (mark.startsWith(prefix) && isAllOf(known, id)) this.add(agent, known)
    }
  }

  /** `isLast`: whatever happened since the last time. */
  async save(isLast = false): Promise<void> {
    const { dir, clock } = this.#options
    if (dir === undefined || (!isLast && !this.#isDirty && clock() - this.#savedNs < SAVE_NS_MAX)) return
    let throughNs = clock() - STEP_NS
    for (const { sinceNs } of this.#writing.values()) if (sinceNs - STEP_NS < throughNs) throughNs = sinceNs - STEP_NS
    const saved: Saved = { throughNs: throughNs.toString(), agents: Object.fromEntries(this.#known) }
    this.#isDirty = false
    this.#savedNs = clock()
    try {
      await saveFile(join(dir, FILE), JSON.stringify(saved))
    } catch (error) {
      this.#isDirty = true
      throw error
    }
  }

  #read(): bigint | undefined {
    const { dir } = this.#options
    if (dir === undefined) return undefined
    try {
      const { throughNs, agents } = JSON.parse(readFileSync(join(dir, FILE), 'utf8')) as Saved
      for (const [agent, ids] of Object.entries(agents)) this.#known.set(agent, newestOf(ids))
      return BigInt(throughNs)
    } catch {
      // None was saved yet, or it is damaged: then all is looked for in the events.
      return undefined
    }
  }
}

/** Of each way the last ids, oldest first, each where it is named last. */
function newestOf(ids: readonly string[]): string[] {
  const left = { files: IDS_PER_WAY, spool: IDS_PER_WAY }
  const newest = [...new Set(ids.toReversed())].filter(
    (id) => left[id.startsWith(SPOOLED_DELIVERY) ? 'spool' : 'files']-- > 0,
  )
  return newest.toReversed()
}

function byAgent(marks: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const mark of marks) {
    const at = mark.indexOf('/')
    const agent = mark.slice(0, at)
    if (at <= 0) continue
    const ids = found.get(agent)
    if (ids) ids.push(mark.slice(at + 1))
    else found.set(agent, [mark.slice(at + 1)])
  }
  return found
}

/**
 * Whether this one being there means that all of `id` is. What was too large comes in two parts, `id.0` before `id.1`,
 * and each of them perhaps in two again: the last of all is the one whose name ends with ones.
 */
function isAllOf(known: string, id: string): boolean {
  return known === id || (known.startsWith(`${id}.`) && /^1+$/.test(known.slice(id.length + 1)))
}

function keyOf(agent: string, id: string): string {
  return `${agent}/${id}`
}

export function markOf(agent: string, id: string): string {
  return keyOf(agent, id)
}

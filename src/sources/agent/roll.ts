import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Type from 'typebox'
import { Value } from 'typebox/value'
import type { AgentReport, AgentStatus } from '../../core/agent.ts'
import type { Logger } from '../../core/logger.ts'
import type { AgentRoll } from '../source.ts'
import { saveFile } from './saved-file.ts'

const FILE = 'agents.json'
const SAVE_MS = 30_000
/** Agents report every five seconds: one that misses some is away. */
const AWAY_MS = 30_000

const SavedSchema = Type.Array(
  Type.Object({
    agent: Type.String(),
    host: Type.String(),
    version: Type.String(),
    files: Type.Number(),
    behindBytes: Type.Number(),
    behindSeconds: Type.Number(),
    problems: Type.Number(),
    seenMs: Type.Number(),
  }),
)

export interface RollOptions {
  /** Where it is saved now and then; without, it is forgotten when the server ends. */
  dir?: string | undefined
  /** Of more than these, those that were heard of last are listed. */
  agentsMax: number
  /** One that was not heard of for so long is struck off. */
  absentMsMax: number
  logger: Logger
  /** Milliseconds since 1970. */
  now?: () => number
}

/** Agents that were heard of, also before the server was started. */
export class Roll implements AgentRoll {
  readonly #options: RollOptions
  readonly #now: () => number
  /** The one that was heard of last comes last. */
  readonly #agents = new Map<string, AgentReport & { seenMs: number; events: number }>()
  readonly #timer: NodeJS.Timeout | undefined
  #isDirty = false

  constructor(options: RollOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    if (options.dir === undefined) return
    this.#read(join(options.dir, FILE))
    this.#timer = setInterval(() => void this.#save(), SAVE_MS)
    this.#timer.unref()
  }

  report(report: AgentReport): void {
    const events = this.#agents.get(report.agent)?.events ?? 0
    this.#put({ ...report, seenMs: this.#now(), events })
  }

  delivered(agent: string, events: number): void {
    const known = this.#agents.get(agent)
    if (known) this.#put({ ...known, seenMs: this.#now(), events: known.events + events })
  }

  /** By host. */
  list(): AgentStatus[] {
    this.#strikeOff()
    const nowMs = this.#now()
    return [...this.#agents.values()]
      .map(({ seenMs, ...agent }) => ({
        ...agent,
        lastSeen: new Date(seenMs).toISOString(),
        isAway: nowMs - seenMs > AWAY_MS,
      }))
      .sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#save()
  }

  #put(agent: AgentReport & { seenMs: number; events: number }): void {
    this.#agents.delete(agent.agent)
    this.#agents.set(agent.agent, agent)
    this.#isDirty = true
    for (const oldest of this.#agents.keys()) {
      if (this.#agents.size <= this.#options.agentsMax) return
      this.#agents.delete(oldest)
    }
  }

  #strikeOff(): void {
    const untilMs = this.#now() - this.#options.absentMsMax
    for (const [agent, { seenMs }] of this.#agents) if (seenMs < untilMs) this.#agents.delete(agent)
  }

  #read(path: string): void {
    if (!existsSync(path)) return
    try {
      const saved = Value.Parse(SavedSchema, JSON.parse(readFileSync(path, 'utf8')))
      for (const agent of saved.slice(-this.#options.agentsMax)) this.#agents.set(agent.agent, { ...agent, events: 0 })
    } catch (err) {
      this.#options.logger.warn({ err, path }, 'The list of agents is damaged; it begins anew')
    }
  }

  async #save(): Promise<void> {
    const { dir, logger } = this.#options
    if (dir === undefined || !this.#isDirty) return
    this.#isDirty = false
    this.#strikeOff()
    const saved = [...this.#agents.values()].map(({ events: _events, ...agent }) => agent)
    try {
      await saveFile(join(dir, FILE), JSON.stringify(saved))
    } catch (err) {
      this.#isDirty = true
      logger.warn({ err }, 'The list of agents could not be saved')
    }
  }
}

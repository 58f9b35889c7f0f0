import type { AgentReport, AgentStatus } from '../../core/agent.ts'
import type { AgentRoll } from '../source.ts'

/** Agents that were heard of since the server started, at most so many. */
export class MemoryRoll implements AgentRoll {
  readonly #agentsMax: number
  readonly #agents = new Map<string, AgentReport & { seenMs: number; events: number }>()

  constructor(agentsMax: number) {
    this.#agentsMax = agentsMax
  }

  admits(agent: string): boolean {
    return this.#agents.has(agent) || this.#agents.size < this.#agentsMax
  }

  report(report: AgentReport, nowMs: number): void {
    if (!this.admits(report.agent)) return
    this.#agents.set(report.agent, { ...report, seenMs: nowMs, events: this.#agents.get(report.agent)?.events ?? 0 })
  }

  delivered(agent: string, events: number, nowMs: number): void {
    const known = this.#agents.get(agent)
    if (!known) return
    known.events += events
    known.seenMs = nowMs
  }

  /** By host. */
  list(): AgentStatus[] {
    return [...this.#agents.values()]
      .map(({ seenMs, ...agent }) => ({ ...agent, lastSeen: new Date(seenMs).toISOString() }))
      .sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0))
  }
}

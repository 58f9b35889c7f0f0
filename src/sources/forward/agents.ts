import type { AuditAgent } from '../../core/audit-agent.ts'
import type { AuditHeartbeat } from '../../wire/audit/record.ts'

export interface AuditAgentsOptions {
  /** Milliseconds since 1970. */
  clock: () => number
  /** Agents that are remembered; beyond that those go that were silent for longest. */
  agentsMax: number
  /** An agent that is connected and was not heard of for so long is silent. */
  silentMs: number
}

/** Heartbeats come every 30 minutes. */
export const AUDIT_AGENTS = { agentsMax: 1000, silentMs: 35 * 60_000 } as const

interface Entry {
  host: string
  heartbeat: AuditHeartbeat | undefined
  isConnected: boolean
  firstSeenMs: number
  lastHeartbeatMs: number | undefined
  lastRecordMs: number | undefined
  leftMs: number
  records: number
  invalid: number
}

/** Who sends audit records. One agent is one connection; a new one that says the same about itself takes its place. */
export class AuditAgents {
  readonly #options: AuditAgentsOptions
  readonly #entries = new Set<Entry>()
  #forgotten = 0

  constructor(options: AuditAgentsOptions) {
    this.#options = options
  }

  /** A connection that audit messages come over. */
  join(host: string): AgentLink {
    const nowMs = this.#options.clock()
    let entry: Entry = {
      host,
      heartbeat: undefined,
      isConnected: true,
      firstSeenMs: nowMs,
      lastHeartbeatMs: undefined,
      lastRecordMs: undefined,
      leftMs: nowMs,
      records: 0,
      invalid: 0,
    }
    this.#makeRoom()
    this.#entries.add(entry)
    return {
      record: (isValid) => {
        entry.records++
        if (!isValid) entry.invalid++
        entry.lastRecordMs = this.#options.clock()
      },
      heartbeat: (heartbeat) => {
        entry.heartbeat = heartbeat
        entry = this.#merged(entry)
        entry.lastHeartbeatMs = this.#options.clock()
      },
      leave: () => {
        entry.isConnected = false
        entry.leftMs = this.#options.clock()
        // Without heartbeat nothing is known about it that could be missed.
        if (!entry.heartbeat && entry.records === 0) this.#entries.delete(entry)
      },
    }
  }

  /** Agents that had to make room for others. */
  get forgotten(): number {
    return this.#forgotten
  }

  list(): AuditAgent[] {
    const nowMs = this.#options.clock()
    return [...this.#entries].map((entry) => this.#shown(entry, nowMs))
  }

  /** An agent that has left and said the same about itself is this one. */
  #merged(entry: Entry): Entry {
    const same = [...this.#entries].find((other) => other !== entry && !other.isConnected && isSameAgent(other, entry))
    if (!same) return entry
    this.#entries.delete(entry)
    same.isConnected = true
    same.records += entry.records
    same.invalid += entry.invalid
    same.lastRecordMs = entry.lastRecordMs ?? same.lastRecordMs
    return same
  }

  #makeRoom(): void {
    if (this.#entries.size < this.#options.agentsMax) return
    const left = [...this.#entries].filter(({ isConnected }) => !isConnected)
    const oldest = (left.length > 0 ? left : [...this.#entries]).reduce((a, b) => (heardMs(a) <= heardMs(b) ? a : b))
    this.#entries.delete(oldest)
    this.#forgotten++
  }

  #shown(entry: Entry, nowMs: number): AuditAgent {
    const { heartbeat } = entry
    const heard = heardMs(entry)
    const isSilent = !entry.isConnected || nowMs - heard > this.#options.silentMs
    return {
      host: entry.host,
      serviceTreeId: heartbeat?.serviceTreeId ?? null,
      version: heartbeat?.auditVersion ?? null,
      osVersion: heartbeat?.osVersion ?? null,
      language: heartbeat?.language ?? null,
      destination: heartbeat?.destination ?? null,
      connected: entry.isConnected,
      firstSeen: timeText(entry.firstSeenMs),
      lastHeartbeat: entry.lastHeartbeatMs === undefined ? null : timeText(entry.lastHeartbeatMs),
      lastRecord: entry.lastRecordMs === undefined ? null : timeText(entry.lastRecordMs),
      records: entry.records,
      invalid: entry.invalid,
      silentSince: isSilent ? timeText(entry.isConnected ? heard : Math.max(heard, entry.leftMs)) : null,
    }
  }
}

/** What a connection tells about the agent at its other end. */
export interface AgentLink {
  record(isValid: boolean): void
  heartbeat(heartbeat: AuditHeartbeat): void
  leave(): void
}

function heardMs({ firstSeenMs, lastHeartbeatMs, lastRecordMs }: Entry): number {
  return Math.max(firstSeenMs, lastHeartbeatMs ?? 0, lastRecordMs ?? 0)
}

function isSameAgent(a: Entry, b: Entry): boolean {
  return a.host === b.host && JSON.stringify(a.heartbeat) === JSON.stringify(b.heartbeat)
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

/** How the ids of deliveries begin that come from the spool of an agent; those of files never do. */
export const SPOOLED_DELIVERY = 's-'

/** What an agent last said about itself. */
export interface AgentReport {
  /** Unique, and kept by the agent for as long as it keeps its state. */
  agent: string
  host: string
  version: string
  files: number
  /** Bytes of the files that the server does not have. */
  behindBytes: number
  /** How long the oldest of them has been there; 0 when there are none. */
  behindSeconds: number
  /** Files and folders that cannot be read. */
  problems: number
}

export interface AgentStatus extends AgentReport {
  /** RFC 3339. */
  lastSeen: string
  /** It has missed several reports. */
  isAway: boolean
  /** Since this server started. */
  events: number
}

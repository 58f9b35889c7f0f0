/** A way to the agent. Another kind is one small object with these three functions. It may be connected again and again. */
export interface AuditConnection {
  /** What heartbeats call it: `UnixDomainSocket`, `TCP`. */
  readonly kind: string
  /** Resolves when it can be written to. */
  connect(events: ConnectionEvents): Promise<void>
  /** Resolves when the bytes were handed on, in the order of the calls; rejects when the connection is lost. */
  write(bytes: Uint8Array): Promise<void>
  /** Ends what there is, after what was written. Never rejects. */
  close(): Promise<void>
}

export interface ConnectionEvents {
  /** It cannot be used any more. May be told several times, and after `close`. */
  onLost(error: Error): void
  /** The agent has answered. */
  onData(bytes: Buffer): void
}

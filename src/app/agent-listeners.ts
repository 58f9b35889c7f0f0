import type { BatchPool } from '../core/batch-pool.ts'
import type { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import type { Sink } from '../core/sink.ts'
import { SOURCE_LIMITS, type SourceListener } from '../sources/source.ts'
import { syslogSource } from '../sources/syslog/syslog.ts'
import type { AgentSyslogSettings } from './agent-syslog.ts'
import { planSyslog } from './syslog.ts'

export interface AgentListenersOptions {
  settings: AgentSyslogSettings
  sink: Sink
  batches: BatchPool
  counters: Counters
  logger: Logger
  /** Nanoseconds since 1970. */
  clock: () => bigint
  hostname: string
}

export interface AgentListeners {
  /** As they are shown: `udp://127.0.0.1:5514`. */
  addresses: readonly string[]
  /** Takes nothing more; resolves when all that was taken is on disk, or refused. */
  close(): Promise<void>
}

/** Syslog as the server takes it, into the sink of an agent. Rejects with LISTEN_FAILED. */
export async function openAgentListeners(options: AgentListenersOptions): Promise<AgentListeners> {
  const { settings, sink, batches, counters, logger, clock, hostname } = options
  const context = { sinkFor: () => sink, batches, counters, logger, clock, hostname, limits: SOURCE_LIMITS }
  // Nobody shows a key to an agent, and it has no certificate.
  const config = { ...settings, syslog: settings.syslog.join(','), syslogKey: '', tls: 'off', tlsClientCa: '' } as const
  const plan = planSyslog(config, { keyOf: () => undefined })
  const opened: SourceListener[] = []
  const close = async (): Promise<void> => void (await Promise.all(opened.map((listener) => listener.close())))
  try {
    for (const one of plan) opened.push(await syslogSource.listen(context, one))
  } catch (error) {
    await close()
    throw error
  }
  const addresses = plan.map(({ address: { protocol } }, index) => `${protocol}://${opened[index]?.address ?? ''}`)
  return { addresses, close }
}

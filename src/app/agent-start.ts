import type { Logger } from '../core/logger.ts'
import type { AgentSettings } from './agent-settings.ts'
import type { AgentStatusText } from './agent-status.ts'

/** Patterns and files that are named; the others are counted. */
const NAMED_MAX = 5

export interface Started {
  servers: readonly string[]
  listeners: readonly string[]
  status: AgentStatusText
  logger: Logger
}

/** Says what an agent does that has just begun: what it follows, where that goes, and where it keeps its place. */
export function tellStart(settings: AgentSettings, { servers, listeners, status, logger }: Started): void {
  const { paths, exec, state } = settings
  if (paths.length > 0) {
    const files = status.files.length
    const from = named(paths.map(({ path }) => path))
    if (files > 0) logger.info({ files, from }, 'Follows files')
    else logger.warn({ from }, 'No file is there yet; the agent waits for them')
  }
  if (status.unmatched.length > 0 && status.files.length > 0) {
    logger.warn({ paths: named(status.unmatched) }, 'Some paths select no file yet')
  }
  if (status.problems.length > 0) {
    const [first] = status.problems
    logger.warn(
      { count: status.problems.length, first: `${first?.path}: ${first?.reason}` },
      'Some files or folders cannot be read; `tailrace agent status` lists them',
    )
  }
  if (exec.length > 0) logger.info({ commands: exec.map(({ command }) => command) }, 'Reads what commands say')
  if (listeners.length > 0) logger.info({ at: listeners }, 'Takes syslog')
  logger.info({ to: servers, state, host: settings.host }, 'The agent runs')
}

function named(all: readonly string[]): string {
  const rest = all.length - NAMED_MAX
  return all.slice(0, NAMED_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

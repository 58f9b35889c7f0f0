import { rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Logger } from '../core/logger.ts'
import type { FileStatus } from '../sources/file/status.ts'
import type { InputStatus } from './agent-inputs.ts'
import type { ServerStatus } from './agent-trouble.ts'

/** What `tailrace agent status` shows. */
export interface AgentStatusText {
  agent: string
  version: string
  pid: number
  host: string
  /** `starting`: the servers are asked what arrived last, and the files are looked at. */
  phase: 'starting' | 'running'
  /** The one that is delivered to now. */
  server: string
  /** Why nothing can be delivered now. */
  trouble: string | null
  servers: readonly ServerStatus[]
  /** Events, since the start. */
  delivered: number
  refused: number
  /** Of inputs other than files, waiting on disk. */
  spoolBytes: number
  behindBytes: number
  residentBytes: number
  openFiles: number
  folders: number
  inputs: readonly InputStatus[]
  files: readonly FileStatus[]
  problems: readonly { path: string; reason: string }[]
  /** Paths and globs that select no file now. */
  unmatched: readonly string[]
}

const SOCKET = 'agent.sock'
/** Longer paths are no addresses of sockets, on any system. */
const SOCKET_PATH_MAX = 100
const ANSWER_MS_MAX = 5000

/** Answers whoever connects to the socket in the agent's folder. Returns what ends it. */
export function serveAgentStatus(stateDir: string, status: () => AgentStatusText, logger: Logger): () => void {
  const path = join(stateDir, SOCKET)
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
    logger.warn({ path }, 'The path is too long for a socket: `tailrace agent status` cannot ask this agent')
    return () => undefined
  }
  // Left by an agent that was killed; the folder is locked, so nobody else listens there.
  rmSync(path, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.end(JSON.stringify(status()))
  })
  server.on('error', (err) => logger.warn({ err }, '`tailrace agent status` cannot ask this agent'))
  server.listen(path)
  server.unref()
  return () => void server.close()
}

/** Asks the agent of a folder; `undefined` when none runs there. */
export async function askAgentStatus(stateDir: string): Promise<AgentStatusText | undefined> {
  const socket = createConnection(join(stateDir, SOCKET))
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error('the agent does not answer')))
  try {
    return JSON.parse(await text(socket)) as AgentStatusText
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    throw error
  } finally {
    socket.destroy()
  }
}

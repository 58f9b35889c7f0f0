import { PATIENCE } from '../backoff.ts'
import type { Connection } from '../connection.ts'
import { runSender, type SenderStats } from './sender.ts'
import { senderPid, takeSenderLock } from './sender-lock.ts'
import { writeStatus } from './status.ts'

export interface ForwardOptions {
  /** To the server; closed at the end. */
  connection: Pick<Connection, 'json' | 'close'>
  dir: string
  signal: AbortSignal
  /** Ends when nothing was to be done, and nobody logged, for so long; Infinity: only with the signal. */
  idleMsMax: number
  /** Told when the server does not take events, and with `null` when it does again. */
  onTrouble?: (reason: string | null) => void
}

/** How often the sender writes down how it is doing, at most. */
const STATUS_MS = 500

/**
 * Delivers what applications log into a folder. Resolves with what was done when idle or aborted; with the process id
 * of the living sender when the folder has one already.
 */
export async function forwardFolder(options: ForwardOptions): Promise<SenderStats | { pid: number }> {
  const { connection, dir, signal, idleMsMax, onTrouble } = options
  const lock = takeSenderLock(dir)
  if (!lock) return { pid: senderPid(dir) ?? 0 }
  const stats: SenderStats = { delivered: 0, refused: 0 }
  let trouble: string | null = null
  let writtenMs = -Infinity
  const tell = (): void => {
    if (performance.now() - writtenMs < STATUS_MS) return
    writtenMs = performance.now()
    writeStatus(dir, { pid: process.pid, at: new Date().toISOString(), trouble, ...stats })
  }
  try {
    await runSender({
      dir,
      connection,
      patience: PATIENCE,
      signal,
      isOurs: () => lock.isHeld(),
      idleMsMax,
      now: () => performance.now(),
      stats,
      onTrouble: (reason) => {
        if (reason !== trouble) onTrouble?.(reason)
        trouble = reason
        tell()
      },
    })
    return stats
  } catch (error) {
    // The folder cannot be read, say: whoever looks at the status should know why nothing is sent.
    trouble = (error as Error).message
    throw error
  } finally {
    writtenMs = -Infinity
    tell()
    connection.close()
    lock.release()
  }
}

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { senderPid } from './sender-lock.ts'

export interface SupervisorOptions {
  dir: string
  /** How the sender reaches the server: variables, as arguments are seen by everybody on the machine. */
  env: Readonly<Record<string, string | undefined>>
  everyMs: number
  onFailure: (reason: string) => void
}

/** Keeps a sender running on the folder for as long as this process lives; it outlives us until the folder is empty. */
export function superviseSender({ dir, env, everyMs, onFailure }: SupervisorOptions): () => void {
  const program = fileURLToPath(new URL('./sender-main.js', import.meta.url))
  const start = (): void => {
    if (senderPid(dir) !== undefined) return
    const child = spawn(process.execPath, [program, dir], {
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    })
    child.once('error', (error) => onFailure(error.message))
    child.unref()
  }
  start()
  const timer = setInterval(start, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}

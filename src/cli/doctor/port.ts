import { readdir, readFile, readlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { createHttpClient } from '../../client/http-client.ts'
import { ServerAway, ServerProblem } from '../../client/failures.ts'
import type { Finding } from './finding.ts'

const CONNECT_MS_MAX = 2000

/** Who listens at the address that a server would take here. */
export async function checkPort(host: string, port: number): Promise<Finding> {
  const subject = 'port'
  const shown = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (port === 0) return { state: 'ok', subject, text: 'any free one' }
  if (!(await isTaken(host, port))) return { state: 'ok', subject, text: `${shown} is free` }
  const client = createHttpClient({ url: `http://${shown}` })
  try {
    const { version, process } = await client.status()
    if (version) return { state: 'ok', subject, text: `${shown} is this Tailrace server, process ${process.pid}` }
    return await foreign(shown, port, 'not a Tailrace server')
  } catch (error) {
    // Whatever it has against the question, it answers as one of ours.
    if (error instanceof ServerProblem && error.code !== 'ANSWER_UNEXPECTED') {
      return { state: 'ok', subject, text: `${shown} is a Tailrace server` }
    }
    return await foreign(shown, port, error instanceof ServerAway ? 'it speaks no HTTP' : 'it is not a Tailrace server')
  } finally {
    client.close()
  }
}

/** Whether a server there speaks TLS, whatever its certificate. */
export async function speaksTls(host: string, port: number): Promise<boolean> {
  if (port === 0) return false
  const client = createHttpClient({ url: `https://${host.includes(':') ? `[${host}]` : host}:${port}` })
  try {
    await client.health(AbortSignal.timeout(CONNECT_MS_MAX))
    return true
  } catch (error) {
    if (error instanceof ServerProblem) return true
    if (!(error instanceof ServerAway)) return false
    const sign = error.obstacle ?? error.suspicion
    return sign !== undefined && sign !== 'plain'
  } finally {
    client.close()
  }
}

async function foreign(shown: string, port: number, why: string): Promise<Finding> {
  const owner = await ownerOf(port)
  return {
    state: 'wrong',
    subject: 'port',
    text: `${shown} is taken by ${owner ?? 'another program'}: ${why}`,
    hint: 'End that program, or choose another port with --port.',
  }
}

/** Whether somebody takes connections there. */
export function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.setTimeout(CONNECT_MS_MAX, () => end(true))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

const LISTENING = '0A'

/** Name and id of the listening process, where the kernel tells (Linux, own processes). */
export async function ownerOf(port: number): Promise<string | undefined> {
  try {
    const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
    const tables = await Promise.all(
      ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
    )
    const rows = tables.flatMap((table) => table.split('\n').map((row) => row.trim().split(/\s+/)))
    const row = rows.find(([, local, , state]) => state === LISTENING && local?.endsWith(`:${hexPort}`))
    if (!row?.[9]) return undefined
    for (const pid of await readdir('/proc')) {
      if (/^\d+$/.test(pid) && (await holds(pid, `socket:[${row[9]}]`))) {
        return `${(await readFile(`/proc/${pid}/comm`, 'utf8')).trim()} (process ${pid})`
      }
    }
  } catch {
    // No such file system, or a process that ended meanwhile: then we do not know.
  }
  return undefined
}

async function holds(pid: string, socket: string): Promise<boolean> {
  try {
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      if ((await readlink(`/proc/${pid}/fd/${fd}`)) === socket) return true
    }
  } catch {
    // Somebody else's process, or one that just ended.
  }
  return false
}

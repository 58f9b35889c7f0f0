import { readFile } from 'node:fs/promises'
import type { Config } from '../../app/config.ts'
import { formatSize } from '../../core/units.ts'
import type { Finding } from './finding.ts'

const SUBJECT = 'logd'
const KERNEL_LIMIT_FILE = '/proc/sys/net/core/rmem_max'
/** Below this a burst of a few milliseconds is lost. */
const BUFFER_BYTES_MIN = 1024 * 1024

/** Who could use the listener for logd's packets, and whether the kernel gives it a buffer worth mentioning. */
export async function checkLogd(config: Config): Promise<Finding> {
  const { logd, logdReadSecret, logdWriteSecret, logdInsecure } = config
  if (logd === 'off') return { state: 'ok', subject: SUBJECT, text: 'off' }
  const state = (secret: string): string => (secret !== '' ? 'signed' : logdInsecure ? 'open to everybody' : 'closed')
  const text = `${logd}: writing ${state(logdWriteSecret)}, reading ${state(logdReadSecret)}`
  if (logdReadSecret === '' && logdWriteSecret === '' && !logdInsecure) {
    const hint = 'Set LOGD_WRITE_SECRET and LOGD_READ_SECRET to take logd’s packets.'
    const isWanted = config.given.has('logd')
    return { state: isWanted ? 'wrong' : 'note', subject: SUBJECT, text: `not listening: there is no secret`, hint }
  }
  const kernelBytesMax = await kernelLimit()
  if (kernelBytesMax === undefined || kernelBytesMax >= BUFFER_BYTES_MIN) return { state: 'ok', subject: SUBJECT, text }
  return {
    state: 'note',
    subject: SUBJECT,
    text: `${text}\nthe kernel keeps at most ${formatSize(kernelBytesMax)} of packets that wait; bursts are lost`,
    hint: `sysctl net.core.rmem_max=${config.logdReceiveBufferBytes}`,
  }
}

/** `undefined` where the system does not tell. */
async function kernelLimit(): Promise<number | undefined> {
  try {
    return Number(await readFile(KERNEL_LIMIT_FILE, 'latin1')) || undefined
  } catch {
    return undefined
  }
}

import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { locateEngine } from '../../app/installation.ts'
import { loadConfig, type Config } from '../../app/config.ts'
import { AppError } from '../../core/errors.ts'
import { formatSize } from '../../core/units.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { Finding } from './finding.ts'

const NODE_MIN = [20, 19] as const

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isEnough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
  const text = `Node.js ${version} on ${process.platform}-${process.arch}`
  if (isEnough) return { state: 'ok', subject: 'runtime', text }
  return { state: 'wrong', subject: 'runtime', text, hint: `Tailrace needs ${NODE_MIN.join('.')} or newer.` }
}

/** The settings a server would start with here, and what is odd about them. */
export function checkConfig(
  flags: Readonly<Record<string, string>>,
  { env, cwd }: Pick<Terminal, 'env' | 'cwd'>,
): { config?: Config; findings: Finding[] } {
  const subject = 'settings'
  try {
    const config = loadConfig({ flags, env, cwd })
    const text = config.configFile ?? 'defaults, variables and flags; there is no tailrace.yaml here'
    const warnings = config.warnings.map((warning) => ({ state: 'warn' as const, subject, text: warning }))
    return { config, findings: [{ state: 'ok', subject, text }, ...warnings] }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { findings: [{ state: 'wrong', subject, text: error.detail ?? error.title, hint: error.hint }] }
  }
}

/** Where events are kept. */
export async function checkStorage(config: Config, env: Terminal['env']): Promise<Finding[]> {
  if (config.storage === 'disk') return [await checkEngine(config, env), ...(await checkData(config))]
  const text = `memory alone, up to ${formatSize(config.live.ringsBytesMax)}; no event is written to disk`
  const hint =
    'Events are gone when the server stops, and the oldest when newer ones need the room (--live-rings-bytes-max). ' +
    'With --storage disk they are kept.'
  return [{ state: 'note', subject: 'storage', text, hint }]
}

export async function checkEngine(config: Config, env: Terminal['env']): Promise<Finding> {
  const subject = 'engine'
  if (config.store !== 'embedded') {
    const { host } = new URL(config.store)
    return { state: 'ok', subject, text: `a ClickHouse server at ${host}` }
  }
  try {
    const path = locateEngine({ ...env })
    const { size } = await stat(path)
    return { state: 'ok', subject, text: `embedded, ${path} (${formatSize(size)})` }
  } catch (error) {
    if (error instanceof AppError) {
      return { state: 'wrong', subject, text: error.detail ?? error.title, hint: error.hint }
    }
    return { state: 'wrong', subject, text: (error as Error).message, hint: 'Run `npm install` again.' }
  }
}

/** The folder, or where it will be made, and the room on its disk. */
export async function checkData(config: Config): Promise<Finding[]> {
  const subject = 'data'
  const { data } = config
  const isThere = await exists(data)
  const place = isThere ? data : await nearestFolder(data)
  const findings: Finding[] = []
  try {
    await access(place, constants.W_OK | constants.X_OK)
    const text = isThere ? data : `${data} (will be made at the first start)`
    findings.push({ state: 'ok', subject, text })
  } catch {
    const hint = 'Choose another with --data, or give this user the right to write there.'
    findings.push({ state: 'wrong', subject, text: `${place} cannot be written to`, hint })
  }
  const { bavail, bsize, blocks } = await statfs(place)
  const freeBytes = bavail * bsize
  const text = `${formatSize(freeBytes)} of ${formatSize(blocks * bsize)} free`
  const { diskFreeBytesMin } = config.spool
  if (freeBytes < diskFreeBytesMin) {
    const hint = `Below ${formatSize(diskFreeBytesMin)} (--spool-disk-free-bytes-min) new events are refused. Free some, or keep less with --retention-age or --retention-disk-bytes.`
    findings.push({ state: 'wrong', subject: 'disk', text, hint })
  } else if (freeBytes < diskFreeBytesMin * 4) {
    findings.push({ state: 'warn', subject: 'disk', text: `${text}: getting short` })
  } else findings.push({ state: 'ok', subject: 'disk', text })
  return findings
}

async function nearestFolder(path: string): Promise<string> {
  const parent = dirname(path)
  return parent === path || (await exists(parent)) ? parent : nearestFolder(parent)
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    // Missing and not to be seen are the same here.
    return false
  }
}

import type { StatusAnswer } from '../../client/answers.ts'
import { ServerAway, ServerProblem } from '../../client/failures.ts'
import type { HttpClient } from '../../client/http-client.ts'
import { formatDuration } from '../../core/time.ts'
import { formatCount, formatSize } from '../../core/units.ts'
import { accessHint } from '../access-hint.ts'
import { awayHint } from '../failure.ts'
import { agentFindings } from './agents.ts'
import type { Finding } from './finding.ts'

/** The store may be behind by this much without being worth a word. */
const LAG_SECONDS_NORMAL = 10

/** What a running server says about itself. `isExpected`: somebody named it, so its absence is a problem. */
export async function checkServer(client: HttpClient, isExpected: boolean): Promise<Finding[]> {
  const subject = 'server'
  try {
    const ready = await client.ready()
    const findings = await statusFindings(client)
    for (const { part, reason, effect } of ready.reasons) {
      findings.push({ state: 'wrong', subject: part, text: reason, hint: effect })
    }
    return findings
  } catch (error) {
    if (error instanceof ServerAway) {
      const text = `none at ${client.url}: ${error.reason}`
      if (error.obstacle)
        return [{ state: 'wrong', subject, text: `${client.url}: ${error.reason}`, hint: awayHint(error) }]
      const hint = error.suspicion ? awayHint(error) : 'Start one with `npm start` or `tailrace serve`.'
      return [{ state: isExpected ? 'wrong' : 'note', subject, text, hint }]
    }
    if (error instanceof ServerProblem) {
      return [{ state: 'wrong', subject, text: error.message, hint: error.hint }]
    }
    throw error
  }
}

/** A server that wants another key, or one at all, is there and says so. */
async function statusFindings(client: HttpClient): Promise<Finding[]> {
  try {
    const status = await client.status()
    return [
      aliveFinding(client.url, status),
      ...accessFindings(status),
      ...figures(status),
      ...streamFindings(status),
      ...agentFindings(status, Date.now()),
    ]
  } catch (error) {
    if (!(error instanceof ServerProblem)) throw error
    const hint = accessHint(error, 'doctor')
    if (!hint) throw error
    const text = `${client.url}: it runs, and shows its figures to keys with role admin or read only: ${error.message}`
    return [{ state: error.code === 'KEY_REQUIRED' ? 'note' : 'warn', subject: 'server', text, hint: hint.join('\n') }]
  }
}

function accessFindings({ access }: StatusAnswer): Finding[] {
  if (!access) return []
  const counts = Object.entries(access.keys).map(([role, count]) => `${formatCount(count)} ${role}`)
  const text = access.open ? 'open: it asks nobody for a key' : `asks everybody for a key; valid: ${counts.join(', ')}`
  return [{ state: 'ok', subject: 'access', text }]
}

function streamFindings({ streams }: StatusAnswer): Finding[] {
  if (!streams) return []
  const { live, interrupted, finished, bytes, bytesMax, readers } = streams
  const kept = `${formatCount(live)} live, ${formatCount(interrupted)} interrupted, ${formatCount(finished)} finished`
  const text = `${kept}: ${formatSize(bytes)} of ${formatSize(bytesMax)}; ${formatCount(readers)} readers`
  return [{ state: 'ok', subject: 'streams', text }]
}

function aliveFinding(url: string, status: StatusAnswer): Finding {
  const listeners = Object.entries(status.listeners).map(([name, address]) => `${name} on ${address}`)
  const up = formatDuration(BigInt(Math.round(status.uptimeSeconds)) * 1_000_000_000n)
  const text = [
    `${url}, version ${status.version}, process ${status.process.pid}, up ${up}`,
    `listens: ${listeners.join(', ') || 'nowhere'}`,
  ].join('\n')
  return { state: 'ok', subject: 'server', text }
}

function figures(status: StatusAnswer): Finding[] {
  const { ingest, lag, spool, store, disk } = status
  const rejected = ingest.rejected.total
  const findings: Finding[] = [
    {
      state: 'ok',
      subject: 'events',
      text: `${formatCount(ingest.accepted.total)} taken since the start, ${formatCount(rejected)} rejected`,
    },
    store['kind'] === 'memory' ? memoryFinding(store) : { state: 'ok', subject: 'store', text: storeText(store, disk) },
  ]
  if (store['kind'] === 'memory') return findings
  const pending = `${count(spool['pendingRows'])} events wait in the spool (${formatSize(Number(spool['pendingBytes'] ?? 0))})`
  const error = spool['lastLoadError']
  if (error) {
    findings.push({ state: 'wrong', subject: 'spool', text: `${pending}; the last load failed: ${text(error)}` })
  } else if (lag.seconds > LAG_SECONDS_NORMAL) {
    findings.push({
      state: 'warn',
      subject: 'spool',
      text: `${pending}; the store is ${Math.round(lag.seconds)} s behind`,
    })
  } else findings.push({ state: 'ok', subject: 'spool', text: pending })
  if (Number(spool['quarantinedFiles'] ?? 0) > 0) {
    findings.push({
      state: 'warn',
      subject: 'spool',
      text: `${count(spool['quarantinedFiles'])} files in quarantine: damaged, or refused by the store`,
      hint: 'They lie in spool/quarantine of the data folder.',
    })
  }
  return findings
}

function memoryFinding(store: StatusAnswer['store']): Finding {
  const dropped = store['droppedEvents'] === 0 ? '' : `; ${count(store['droppedEvents'])} made room for newer ones`
  const held = `${count(store['rows'])} events in ${formatSize(Number(store['memoryBytes'] ?? 0))}`
  return {
    state: 'note',
    subject: 'storage',
    text: `memory alone: ${held}${rangeText(store)}${dropped}`,
    hint: 'They are gone when the server stops.',
  }
}

function storeText(store: StatusAnswer['store'], disk: StatusAnswer['disk']): string {
  const kind = typeof store['kind'] === 'string' ? store['kind'] : 'store'
  const used = disk.usedBytes === null ? '' : `, ${formatSize(disk.usedBytes)}`
  return `${kind}, ${text(store['state'])}: ${count(store['rows'])} events${used}${rangeText(store)}`
}

function rangeText(store: StatusAnswer['store']): string {
  return store['oldest'] && store['newest'] ? `, ${text(store['oldest'])} to ${text(store['newest'])}` : ''
}

function count(value: unknown): string {
  return formatCount(typeof value === 'number' ? value : 0)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : 'unknown'
}

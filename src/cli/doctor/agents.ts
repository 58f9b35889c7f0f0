import type { StatusAnswer } from '../../client/answers.ts'
import { formatDuration, NS_PER_SECOND } from '../../core/time.ts'
import { formatCount, formatSize } from '../../core/units.ts'
import type { Finding } from './finding.ts'

/** Agents that are named; the others are counted. */
const NAMED_MAX = 5
const SUBJECT = 'agents'

type Agent = NonNullable<StatusAnswer['agents']>[number]

/** Who ships log files to the server: those that report, are silent, or cannot read something. `nowMs` since 1970. */
export function agentFindings({ agents = [] }: Pick<StatusAnswer, 'agents'>, nowMs: number): Finding[] {
  if (agents.length === 0) return []
  const away = agents.filter(({ isAway }) => isAway === true)
  const here = agents.filter((agent) => !away.includes(agent))
  const failing = here.filter(({ problems }) => problems > 0)
  const findings: Finding[] = []
  if (here.length > 0) findings.push({ state: 'ok', subject: SUBJECT, text: hereText(here) })
  if (away.length > 0) {
    const silent = away.toSorted((a, b) => Date.parse(b.lastSeen) - Date.parse(a.lastSeen))
    const text = `not heard of: ${named(silent, (agent) => `${agent.host} for ${ageText(agent, nowMs)}`)}`
    findings.push({ state: 'warn', subject: SUBJECT, text, hint: 'There: tailrace agent status --state <its folder>' })
  }
  if (failing.length > 0) {
    const text = `cannot read files or folders: ${named(failing, ({ host, problems }) => `${host} ${formatCount(problems)}`)}`
    findings.push({ state: 'warn', subject: SUBJECT, text, hint: 'There: tailrace agent status --state <its folder>' })
  }
  return findings
}

function hereText(here: readonly Agent[]): string {
  const last = here.toSorted((a, b) => b.behindBytes - a.behindBytes)[0] as Agent
  const behind = last.behindBytes === 0 ? 'all up to date' : `${last.host} is ${formatSize(last.behindBytes)} behind`
  return `${formatCount(here.length)} report, ${behind}`
}

function named(agents: readonly Agent[], text: (agent: Agent) => string): string {
  const rest = agents.length - NAMED_MAX
  return agents.slice(0, NAMED_MAX).map(text).join(', ') + (rest > 0 ? ` and ${formatCount(rest)} more` : '')
}

function ageText({ lastSeen }: Agent, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(lastSeen)) / 1000))
  // Nobody wants to know the seconds of days.
  const unit = seconds >= 172_800 ? 86_400 : seconds >= 7200 ? 3600 : seconds >= 120 ? 60 : 1
  return formatDuration(BigInt(Math.floor(seconds / unit) * unit) * NS_PER_SECOND)
}

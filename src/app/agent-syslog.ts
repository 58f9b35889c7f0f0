import { parseListenAddress } from '../net/listen-address.ts'
import type { AgentSettings } from './agent-settings.ts'
import { isLoopback } from '../core/loopback.ts'
import { syslogProblems } from './syslog-addresses.ts'

/** The settings of syslog, as the server has them too. */
export type AgentSyslogSettings = Pick<AgentSettings, Extract<keyof AgentSettings, `syslog${string}`>>

/** What is wrong with them, each in a sentence. */
export function agentSyslogProblems(settings: AgentSyslogSettings): string[] {
  const { syslog, syslogAllow } = settings
  const problems = syslogProblems({ ...settings, syslog: syslog.length === 0 ? 'off' : syslog.join(',') })
  for (const text of syslog) {
    const address = parseListenAddress(text)
    if (address?.protocol === 'tls') problems.push(`syslog ${text}: only a server takes it over TLS`)
    else if (address && address.protocol !== 'unix' && !isLoopback(address.host) && syslogAllow.trim() === '') {
      problems.push(
        `syslog ${text}: others can reach it, and it is not said who of them may send: ` +
          'set syslogAllow (--syslog-allow 10.0.0.0/8; * for everybody)',
      )
    }
  }
  return problems
}

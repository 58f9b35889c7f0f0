import { addressRule, type AddressRule } from '../access/addresses.ts'
import { parseListenAddress } from '../net/listen-address.ts'
import type { SyslogAddress } from '../sources/syslog/settings.ts'
import { createTimeZone } from '../wire/lines/time-zone.ts'
import type { Settings } from './settings.ts'

const THIS_MACHINE = ['127.0.0.0/8', '::1']

/** The addresses of the setting, `undefined` where a text is none; `off` is no address. */
export function syslogAddresses(text: string): SyslogAddress[] | undefined {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.includes('off')) return parts.length === 1 ? [] : undefined
  const addresses = parts.map(parseListenAddress)
  return addresses.every((address) => address !== undefined) ? addresses : undefined
}

/** Which addresses the setting allows; `undefined` where one is none. */
export function syslogRule(text: string): AddressRule | undefined {
  const parts = text.split(',').flatMap((part) => part.trim() || [])
  if (parts.includes('*')) return parts.length === 1 ? () => true : undefined
  return addressRule(parts.length === 0 ? THIS_MACHINE : parts)
}

/** What is wrong with the settings of syslog, each in a sentence. */
export function syslogProblems(settings: Pick<Settings, 'syslog' | 'syslogAllow' | 'syslogTimeZone'>): string[] {
  const { syslog, syslogAllow, syslogTimeZone } = settings
  const problems: string[] = []
  if (!syslogAddresses(syslog)) {
    problems.push(`syslog ${JSON.stringify(syslog)} is neither off nor addresses such as udp://127.0.0.1:5514`)
  }
  if (!syslogRule(syslogAllow)) {
    problems.push(`syslogAllow ${JSON.stringify(syslogAllow)} is neither * nor addresses and ranges such as 10.0.0.0/8`)
  }
  try {
    createTimeZone(syslogTimeZone)
  } catch (error) {
    problems.push(`syslogTimeZone: ${(error as Error).message}`)
  }
  return problems
}

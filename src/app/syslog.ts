import { ANY_ADDRESS, type AddressRule } from '../access/addresses.ts'
import { AppError } from '../core/errors.ts'
import { isAllowed, OPEN_PRINCIPAL, type Principal } from '../core/principal.ts'
import type { SyslogAddress, SyslogSettings } from '../sources/syslog/settings.ts'
import { isLoopback } from '../core/loopback.ts'
import type { Config } from './config.ts'
import { syslogLimits } from './limits.ts'
import type { PacketKeys } from './listeners.ts'
import { syslogAddresses, syslogRule } from './syslog-addresses.ts'

/** The settings that have to do with it. */
export type SyslogConfig = Pick<Config, Extract<keyof Config, `syslog${string}`> | 'tls' | 'tlsClientCa'>

/** Whoever may send: the protocol has nothing to show who somebody is. */
const ANYBODY: Principal = { ...OPEN_PRINCIPAL, role: 'write' }

/**
 * Where syslog is to be taken, with all that has to be known there. Throws CONFIG_INVALID for a `tls://` address without
 * TLS, a key that is not there, and an address that others can reach when it is not said who of them may send.
 */
export function planSyslog(config: SyslogConfig, keys: Pick<PacketKeys, 'keyOf'>): Omit<SyslogSettings, 'tls'>[] {
  const addresses = syslogAddresses(config.syslog) ?? []
  if (addresses.length === 0) return []
  const { syslogKey } = config
  const key = syslogKey === '' ? undefined : keys.keyOf(syslogKey)
  if (syslogKey !== '' && !(key && isAllowed(key.principal, 'write'))) {
    throw new AppError('CONFIG_INVALID', {
      detail: `syslogKey ${syslogKey}: there is no such key that may write.`,
      hint: 'Its id is what tailrace keys list shows.',
    })
  }
  return addresses.map((address) => {
    const rule = ruleFor(config, address, key?.allows)
    return {
      address,
      principal: syslogKey === '' ? () => ANYBODY : () => used(keys.keyOf(syslogKey)),
      // A key that is gone is told of by `principal`.
      allows: (sender) => rule(sender) && (keys.keyOf(syslogKey)?.allows?.(sender) ?? true),
      timeZone: config.syslogTimeZone,
      limits: syslogLimits(config),
    }
  })
}

function used(key: ReturnType<PacketKeys['keyOf']>): Principal | undefined {
  key?.noteUse?.()
  return key?.principal
}

/** Who may send to this address, beside what the key says. */
function ruleFor(config: SyslogConfig, address: SyslogAddress, keyRule: AddressRule | undefined): AddressRule {
  if (address.protocol === 'unix') return ANY_ADDRESS
  const shown = `syslog ${address.protocol}://${address.host}:${address.port}`
  if (address.protocol === 'tls' && config.tls === 'off') {
    throw new AppError('CONFIG_INVALID', {
      detail: `${shown}: TLS is off.`,
      hint: 'Set tls (--tls self-signed, or --tls-cert and --tls-key).',
    })
  }
  if (config.syslogAllow.trim() === '') {
    const hasCertificates = address.protocol === 'tls' && config.tlsClientCa !== ''
    if (hasCertificates || (keyRule !== undefined && keyRule !== ANY_ADDRESS)) return ANY_ADDRESS
    if (!isLoopback(address.host)) {
      throw new AppError('CONFIG_INVALID', {
        detail: `${shown}: others can reach it, and it is not said who of them may send.`,
        hint: 'Set syslogAllow (--syslog-allow 10.0.0.0/8; * for everybody), or syslogKey to a key with address ranges.',
      })
    }
  }
  return syslogRule(config.syslogAllow) ?? (() => false)
}

import type { Access } from '../access/access.ts'
import { AppError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import type { StreamAddress } from '../net/stream-listener.ts'
import { AUDIT_AGENTS, AuditAgents } from '../sources/forward/agents.ts'
import type { ForwardSettings } from '../sources/forward/settings.ts'
import { isLoopback } from '../core/loopback.ts'
import type { Config } from './config.ts'
import { forwardAddresses } from './forward-addresses.ts'
import { forwardLimits } from './limits.ts'
import type { Tls } from './tls.ts'

/** What the forward listeners need of the rest of the server. */
export type ForwardDoor = Pick<ForwardSettings, 'openPrincipal' | 'keyOf' | 'agents' | 'tls'>

export function openForwardDoor(
  config: Config,
  access: Pick<Access, 'isOpen' | 'identify' | 'packetKey'>,
  tls: Tls | undefined,
): ForwardDoor {
  return {
    keyOf: (id) => access.packetKey(id),
    openPrincipal: () => openPrincipal(access),
    agents: new AuditAgents({ ...AUDIT_AGENTS, clock: Date.now, agentsMax: config.auditAgentsMax }),
    tls: tls && { material: tls.material, attach: (listener) => tls.attach(listener) },
  }
}

/** Everybody, as long as there are no keys. */
function openPrincipal(access: Pick<Access, 'isOpen' | 'identify'>): Principal | undefined {
  if (!access.isOpen) return undefined
  return access.identify({ method: 'GET', url: '/', headers: {}, rawHeaders: [], address: '127.0.0.1' }).principal
}

/**
 * Where the forward protocol is to be taken. Throws CONFIG_INVALID for a `tls://` address without TLS, and for one that
 * others can reach while nobody has to show anything.
 */
export function planForward(config: Config, isOpen: boolean): StreamAddress[] {
  const addresses = forwardAddresses(config.forward) ?? []
  for (const address of addresses) {
    if (address.protocol === 'unix') continue
    const shown = `forward ${address.protocol}://${address.host}:${address.port}`
    if (address.protocol === 'tls' && config.tls === 'off') {
      throw new AppError('CONFIG_INVALID', {
        detail: `${shown}: TLS is off.`,
        hint: 'Set tls (--tls self-signed, or --tls-cert and --tls-key).',
      })
    }
    if (isLoopback(address.host) || config.forwardSharedKey !== '' || config.forwardInsecure || !isOpen) continue
    throw new AppError('CONFIG_INVALID', {
      detail: `${shown}: others can reach it, and there is neither a shared key nor a key.`,
      hint: 'Set forwardSharedKey, make a key (tailrace keys create), or set forwardInsecure: true to let everybody write.',
    })
  }
  return addresses
}

/** Settings of the listener at this address. */
export function forwardSettings(config: Config, address: StreamAddress, door: ForwardDoor): ForwardSettings {
  return {
    ...door,
    address,
    sharedKey: config.forwardSharedKey,
    isInsecure: config.forwardInsecure,
    limits: forwardLimits(config),
  }
}

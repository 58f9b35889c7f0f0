/** The listeners beside the main port and logd's, as these settings make them: for whoever looks without a server. */
import { AppError } from '../core/errors.ts'
import { formatHostPort, parseListenAddress, type ListenAddress } from '../net/listen-address.ts'
import { isLoopback } from '../core/loopback.ts'
import type { Config } from './config.ts'
import { planForward } from './forward.ts'
import { packetKeysOf, type KeysInspection } from './keys.ts'
import { checkStreams } from './streams.ts'
import { planSyslog } from './syslog.ts'

export interface Door {
  name: 'forward' | 'syslog' | 'livelog'
  /** It was asked for: a server does not start where it cannot have its addresses. */
  isWanted: boolean
  addresses: readonly DoorAddress[]
  /** Who may use it, in words. */
  who: string
  /** What keeps a server with these settings from starting. */
  problem?: AppError
}

export interface DoorAddress {
  shown: string
  /** Absent for a socket in the file system, and for datagrams. */
  tcp?: { host: string; port: number }
}

export function planDoors(config: Config, { file, keys }: KeysInspection, nowMs: number): Door[] {
  const isOpen = file === undefined
  const { given, livestreamPut, livestreamGet } = config
  const isLivelogWanted = given.has('livestreamPut') || given.has('livestreamGet')
  return [
    door('forward', given.has('forward'), forwardReaders(config, isOpen), () => planForward(config, isOpen)),
    door('syslog', given.has('syslog'), syslogSenders(config), () =>
      planSyslog(config, packetKeysOf(keys, nowMs)).map(({ address }) => address),
    ),
    door('livelog', isLivelogWanted, logReaders(config, isOpen), () => {
      checkStreams(config, isOpen)
      return [livestreamPut, livestreamGet].flatMap((text) => parseListenAddress(text) ?? [])
    }),
  ]
}

function door(name: Door['name'], isWanted: boolean, who: string, plan: () => readonly ListenAddress[]): Door {
  try {
    return { name, isWanted, who, addresses: plan().map(doorAddress) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { name, isWanted, who, addresses: [], problem: error }
  }
}

function doorAddress(address: ListenAddress): DoorAddress {
  if (address.protocol === 'unix') return { shown: `unix://${address.path}` }
  const { protocol, host, port } = address
  const reach = isLoopback(host) ? '' : ' (others can reach it)'
  const shown = `${protocol}://${formatHostPort(host, port)}${reach}`
  return protocol === 'udp' ? { shown } : { shown, tcp: { host, port } }
}

function forwardReaders({ forwardSharedKey, forwardInsecure }: Config, isOpen: boolean): string {
  if (forwardInsecure) return 'open to everybody'
  const wanted = [...(forwardSharedKey === '' ? [] : ['the shared key']), ...(isOpen ? [] : ['keys'])]
  return wanted.length === 0 ? 'open, since there are no keys' : `takes ${wanted.join(' and ')}`
}

function syslogSenders({ syslogKey, syslogAllow }: Config): string {
  const from = syslogAllow.trim() === '' ? '' : ` from ${syslogAllow.trim()}`
  return syslogKey === '' ? `taken${from || ' from whoever reaches it'}` : `taken for key ${syslogKey}${from}`
}

function logReaders({ livestreamToken }: Config, isOpen: boolean): string {
  if (livestreamToken !== '') return 'read with the token'
  return isOpen ? 'open, since there are no keys' : 'read with keys'
}

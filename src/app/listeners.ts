import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { parseListenAddress } from '../net/listen-address.ts'
import type { StreamAddress } from '../net/stream-listener.ts'
import { forwardSource } from '../sources/forward/forward.ts'
import { logdSource } from '../sources/logd/logd.ts'
import type { LogdSettings } from '../sources/logd/settings.ts'
import type { ListenContext, SourceListener } from '../sources/source.ts'
import type { SyslogSettings } from '../sources/syslog/settings.ts'
import { syslogSource } from '../sources/syslog/syslog.ts'
import type { Closing } from './closing.ts'
import { isLoopback } from '../core/loopback.ts'
import type { Config } from './config.ts'
import { forwardSettings, planForward, type ForwardDoor } from './forward.ts'
import { logdLimits, logdWindows } from './limits.ts'
import { planSyslog } from './syslog.ts'

/** Keys that sign packets of layout v3, beside logd's two secrets. */
export interface PacketKeys {
  keyOf: LogdSettings['keyOf']
  /** Whether there are any now. */
  hasAny: boolean
  /** There never was a key of any role. */
  isOpen: boolean
}

/** Which listeners there will be. `undefined`: nobody wants it, or nobody could use it. */
export interface ListenersPlan {
  logd: LogdSettings | undefined
  forward: readonly StreamAddress[]
  syslog: readonly Omit<SyslogSettings, 'tls'>[]
}

export interface ListenersOptions {
  context: ListenContext
  logger: Logger
  closing: Closing
  forward: ForwardDoor
}

/** Throws CONFIG_INVALID when nobody could use what was asked for: to be known before anything is opened. */
export function planListeners(config: Config, keys: PacketKeys, logger: Logger): ListenersPlan {
  return {
    logd: logdSettings(config, keys, logger),
    forward: planForward(config, keys.isOpen),
    syslog: planSyslog(config, keys),
  }
}

/**
 * Starts the sources that have listeners of their own. Returns name → address of those that listen: one that was not
 * asked for is left out with a warning when it cannot have its address. Rejects with LISTEN_FAILED when one that was
 * asked for cannot.
 */
export async function openListeners(
  config: Config,
  { logd, forward, syslog }: ListenersPlan,
  options: ListenersOptions,
): Promise<Record<string, string>> {
  const { context } = options
  const listeners = logd ? await open(logdSource.name, config, options, () => logdSource.listen(context, logd)) : {}
  for (const [index, address] of forward.entries()) {
    const settings = forwardSettings(config, address, options.forward)
    const opened = await open(forwardSource.name, config, options, () => forwardSource.listen(context, settings))
    for (const where of Object.values(opened)) listeners[nameOf(forwardSource.name, index)] = where
  }
  for (const [index, settings] of syslog.entries()) {
    const { tls } = options.forward
    const opened = await open(syslogSource.name, config, options, () =>
      syslogSource.listen(context, { ...settings, tls }),
    )
    for (const where of Object.values(opened)) listeners[nameOf(syslogSource.name, index)] = where
  }
  return listeners
}

/** The first address bears the name of the source, the others a number besides. */
function nameOf(source: string, index: number): string {
  return index === 0 ? source : `${source}-${index + 1}`
}

function logdSettings(config: Config, keys: PacketKeys, logger: Logger): LogdSettings | undefined {
  const address = parseListenAddress(config.logd)
  if (address?.protocol !== 'udp') return undefined
  const { logdReadSecret: readSecret, logdWriteSecret: writeSecret, logdInsecure: isInsecure } = config
  if (readSecret === '' && writeSecret === '' && !isInsecure && !keys.hasAny) {
    if (config.given.has('logd')) throw withoutSecret(config.logd)
    logger.debug({}, 'No logd listener: there is neither a secret nor a key')
    return undefined
  }
  if (isInsecure && !isLoopback(address.host)) {
    logger.warn({ logd: config.logd }, 'logdInsecure: everybody who can reach the address may use what has no secret')
  }
  return {
    host: address.host,
    port: address.port,
    readSecret,
    writeSecret,
    isInsecure,
    windows: logdWindows(config),
    limits: logdLimits(config),
    keyOf: keys.keyOf,
  }
}

function open(
  name: string,
  config: Config,
  options: ListenersOptions,
  listen: () => Promise<SourceListener>,
): Promise<Record<string, string>> {
  return openListener(name, config.given.has(name), options, listen)
}

/** One listener, as `openListeners` does; `isWanted`: it was asked for. */
export async function openListener(
  name: string,
  isWanted: boolean,
  { logger, closing }: ListenersOptions,
  listen: () => Promise<SourceListener>,
): Promise<Record<string, string>> {
  try {
    const listener = await listen()
    closing.add(() => listener.close())
    return { [name]: listener.address }
  } catch (error) {
    if (isWanted || !(error instanceof AppError) || error.code !== 'LISTEN_FAILED') throw error
    logger.warn({}, `The default ${name} listener is left out: ${error.detail}`)
    return {}
  }
}

function withoutSecret(address: string): AppError {
  return new AppError('CONFIG_INVALID', {
    detail: `logd ${address}: there is no secret, so nobody could write to it or read from it.`,
    hint: 'Set LOGD_WRITE_SECRET and LOGD_READ_SECRET, or logdInsecure: true to let everybody who can reach it.',
  })
}

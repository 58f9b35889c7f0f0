import { readFile } from 'node:fs/promises'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { FILE_WATCH_TIMES, watchFiles, type FileWatchTimes } from '../net/file-watch.ts'
import { checkMaterial, type CertificateFacts } from '../net/tls-certificate.ts'
import type { TlsListener, TlsMaterial } from '../net/tls.ts'
import type { Config } from './config.ts'
import { keepOwnCertificate } from './own-certificate.ts'

export interface TlsStatus {
  kind: 'self-signed' | 'files'
  /** SHA-256 of the server's certificate, hex with colons. */
  fingerprint: string
  /** Milliseconds since 1970. */
  notAfterMs: number
}

/** What all listeners with TLS show. Follows its files and its certificate's age until it is closed. */
export interface Tls {
  readonly material: TlsMaterial
  status(): TlsStatus
  /** Shows `listener` whatever replaces the material. */
  attach(listener: TlsListener): void
  /** Looks at everything again. What cannot be used is told to the log, and what is in use stays. */
  reload(): Promise<void>
  close(): void
}

export interface TlsContext {
  logger: Logger
  counters: Counters
  /** Now, milliseconds since 1970. */
  clock: () => number
  watchTimes?: FileWatchTimes
}

type TlsConfig = Pick<Config, 'tls' | 'tlsCert' | 'tlsKey' | 'tlsClientCa' | 'data' | 'host' | 'http'>

/** How often the age of the certificate is looked at. */
const AGE_CHECK_MS = 3_600_000
const DAY_MS = 86_400_000
/** A certificate that expires within this is warned of, once a day. */
const WARNING_MS = 14 * DAY_MS

interface Loaded {
  material: TlsMaterial
  certificate: CertificateFacts
}

/** `undefined` when TLS is off. Throws CONFIG_INVALID naming the files and what is wrong with each. */
export async function openTls(config: TlsConfig, context: TlsContext): Promise<Tls | undefined> {
  const { tls: kind } = config
  if (kind === 'off') return undefined
  const { logger, counters, clock } = context
  const listeners: TlsListener[] = []
  let warnedMs = -Infinity
  let reloading: Promise<void> = Promise.resolve()

  // Watches before it reads: what changes in between is seen.
  const unwatch = await watchFiles(filesOf(config), () => void reload(), context.watchTimes ?? FILE_WATCH_TIMES)
  let current: Loaded
  try {
    current = await load(config, context)
  } catch (error) {
    unwatch()
    throw error
  }
  const checkAge = (): void => {
    const warning = ageWarning(current.certificate, clock())
    if (warning === undefined || clock() - warnedMs < DAY_MS) return
    warnedMs = clock()
    const { fingerprint, notAfterMs } = current.certificate
    logger.warn({ fingerprint, notAfter: new Date(notAfterMs).toISOString() }, warning)
  }
  const replace = async (isAsked: boolean): Promise<void> => {
    try {
      const loaded = await load(config, context)
      if (isSame(loaded.material, current.material)) {
        if (isAsked) logger.info({ fingerprint: current.certificate.fingerprint }, 'The TLS certificate is the same')
        return
      }
      for (const listener of listeners) listener.renewTls(loaded.material)
      current = loaded
      warnedMs = -Infinity
    } catch (err) {
      counters.add('tls_reloads_total', { outcome: 'refused' })
      logger.warn({ err }, 'The TLS certificate was not replaced: the one in use stays')
      return
    }
    counters.add('tls_reloads_total', { outcome: 'replaced' })
    const { fingerprint, notAfterMs } = current.certificate
    const fields = { fingerprint, notAfter: new Date(notAfterMs).toISOString() }
    logger.info(fields, 'New connections are shown the new TLS certificate')
    checkAge()
  }
  const reload = (isAsked = false): Promise<void> => (reloading = reloading.then(() => replace(isAsked)))
  const timer = setInterval(() => {
    checkAge()
    if (kind === 'self-signed') void reload()
  }, AGE_CHECK_MS)
  timer.unref()
  checkAge()
  return {
    get material() {
      return current.material
    },
    status: () => {
      const { fingerprint, notAfterMs } = current.certificate
      return { kind, fingerprint, notAfterMs }
    },
    attach: (listener) => void listeners.push(listener),
    reload: () => reload(true),
    close: () => {
      clearInterval(timer)
      unwatch()
    },
  }
}

function filesOf({ tlsCert, tlsKey, tlsClientCa }: TlsConfig): string[] {
  return [tlsCert, tlsKey, tlsClientCa].filter((path) => path !== '')
}

/** Reads or makes what the settings name. Throws CONFIG_INVALID. */
async function load(config: TlsConfig, { logger, clock }: TlsContext): Promise<Loaded> {
  const problems: string[] = []
  const read = (path: string): Promise<string> => readPem(path, problems)
  const clientCa = config.tlsClientCa === '' ? undefined : await read(config.tlsClientCa)
  const own =
    config.tls === 'self-signed'
      ? await keepOwnCertificate(config, clock(), logger)
      : { cert: await read(config.tlsCert), key: await read(config.tlsKey) }
  if (problems.length > 0) throw unusable(problems)
  const material = { ...own, clientCa }
  const names = { cert: config.tlsCert, key: config.tlsKey, clientCa: config.tlsClientCa }
  const { problems: found, certificate } = checkMaterial(material, names)
  if (found.length > 0 || !certificate) throw unusable(found)
  return { material, certificate }
}

async function readPem(path: string, problems: string[]): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    problems.push(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
    return ''
  }
}

function unusable(problems: readonly string[]): AppError {
  return new AppError('CONFIG_INVALID', { detail: problems.join('\n'), problems })
}

function ageWarning({ notBeforeMs, notAfterMs }: CertificateFacts, nowMs: number): string | undefined {
  if (nowMs > notAfterMs) return 'The TLS certificate has expired: clients will refuse it'
  if (nowMs < notBeforeMs) return 'The TLS certificate is not valid yet: clients will refuse it'
  return notAfterMs - nowMs < WARNING_MS ? 'The TLS certificate expires soon' : undefined
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return one.cert === other.cert && one.key === other.key && one.clientCa === other.clientCa
}

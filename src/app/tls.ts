import { readFile } from 'node:fs/promises'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { FILE_WATCH_TIMES, watchFiles, type FileWatchTimes } from '../net/file-watch.ts'
import { checkMaterial, type CertificateFacts, type TlsFileNames } from '../net/tls-certificate.ts'
import type { TlsListener, TlsMaterial } from '../net/tls.ts'
import type { Config } from './config.ts'
import { keepOwnCertificate, ownCertificateFacts, type OwnCertificate } from './own-certificate.ts'

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

/** What a server with these settings would show, told without making or keeping anything. */
export interface TlsInspection {
  problems: readonly string[]
  /** `undefined` when there is none yet, or when it cannot be read. */
  certificate: CertificateFacts | undefined
  /** About its age. */
  warning: string | undefined
}

/** `undefined` when TLS is off. */
export async function inspectTls(config: TlsConfig, nowMs: number): Promise<TlsInspection | undefined> {
  if (config.tls === 'off') return undefined
  if (config.tls === 'self-signed') {
    const certificate = ownCertificateFacts(config.data)
    return { problems: [], certificate, warning: undefined }
  }
  const problems: string[] = []
  const material = await readMaterial(config, problems)
  const check = problems.length > 0 ? undefined : checkMaterial(material, namesOf(config))
  const certificate = check?.certificate
  const warning = certificate && ageWarning(certificate, nowMs)
  return { problems: check?.problems ?? problems, certificate, warning }
}

/** Reads or makes what the settings name. Throws CONFIG_INVALID. */
async function load(config: TlsConfig, { logger, clock }: TlsContext): Promise<Loaded> {
  const problems: string[] = []
  const own = config.tls === 'self-signed' ? await keepOwnCertificate(config, clock(), logger) : undefined
  const material = await readMaterial(config, problems, own)
  if (problems.length > 0) throw unusable(problems)
  const { problems: found, certificate } = checkMaterial(material, namesOf(config))
  if (found.length > 0 || !certificate) throw unusable(found)
  return { material, certificate }
}

async function readMaterial(config: TlsConfig, problems: string[], own?: OwnCertificate): Promise<TlsMaterial> {
  const read = (path: string): Promise<string> => readPem(path, problems)
  const clientCa = config.tlsClientCa === '' ? undefined : await read(config.tlsClientCa)
  if (own) return { ...own, clientCa }
  return { cert: await read(config.tlsCert), key: await read(config.tlsKey), clientCa }
}

function namesOf({ tlsCert, tlsKey, tlsClientCa }: TlsConfig): TlsFileNames {
  return { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa }
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

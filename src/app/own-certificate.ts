import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { isIP } from 'node:net'
import type { Logger } from '../core/logger.ts'
import { certificateFacts, checkMaterial, type CertificateFacts } from '../net/tls-certificate.ts'
import { makeSelfSigned } from '../net/tls-self-signed.ts'
import type { Config } from './config.ts'
import { unusableFolder } from './node.ts'

/** A self-signed certificate is replaced when it is valid for less than this. */
const RENEWAL_MS = 30 * 86_400_000

/** One part of a host name. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

export interface OwnCertificate {
  cert: string
  key: string
}

type Wanted = Pick<Config, 'data' | 'host' | 'http'>

/**
 * The certificate that the server makes for itself and keeps in `<data>/tls`; it is replaced when it is about to expire,
 * lacks a configured name, or is damaged. Then its fingerprint changes, and the log says so. Throws CONFIG_INVALID when
 * the folder cannot be used.
 */
export async function keepOwnCertificate(config: Wanted, nowMs: number, logger: Logger): Promise<OwnCertificate> {
  const dir = join(config.data, 'tls')
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') }
  const kept = readKept(config.data, files)
  const facts = kept && certificateFacts(kept.cert)
  const reason = kept ? replacementReason(kept, facts, config, nowMs) : 'there was none'
  if (kept && reason === undefined) return kept
  const made = await makeSelfSigned(certificateNames(config), nowMs)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
    // Without its key a certificate is replaced, so what a crash leaves between the two does no harm.
    replaceFile(files.key, made.key)
    replaceFile(files.cert, made.cert)
  } catch (cause) {
    throw unusableFolder(config.data, 'written', cause)
  }
  const fingerprint = certificateFacts(made.cert)?.fingerprint
  if (kept === undefined) logger.info({ fingerprint }, 'Made a self-signed certificate')
  else {
    const fields = { reason, fingerprint, before: facts?.fingerprint }
    logger.warn(fields, 'Made a new self-signed certificate: clients that expect the old fingerprint need the new one')
  }
  return made
}

/** About the certificate kept in a data folder, for whoever looks from outside; `undefined` without one to read. */
export function ownCertificateFacts(dataDir: string): CertificateFacts | undefined {
  try {
    return certificateFacts(readFileSync(join(dataDir, 'tls', 'cert.pem'), 'utf8'))
  } catch {
    // None has been made, or it is not ours to read.
    return undefined
  }
}

function readKept(dataDir: string, files: { cert: string; key: string }): OwnCertificate | undefined {
  try {
    return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusableFolder(dataDir, 'used', cause)
  }
}

function replacementReason(
  kept: OwnCertificate,
  facts: CertificateFacts | undefined,
  config: Wanted,
  nowMs: number,
): string | undefined {
  if (!facts || checkMaterial(kept, { cert: '', key: '' }).problems.length > 0) return 'it was damaged'
  if (facts.notAfterMs - nowMs < RENEWAL_MS) return 'it was about to expire'
  const missing = configuredNames(config).filter((name) => !facts.isFor(name))
  return missing.length === 0 ? undefined : `it was not valid for ${missing.join(', ')}`
}

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}

/** The names somebody wrote down: a certificate has to have them. */
function configuredNames({ host, http }: Pick<Wanted, 'host' | 'http'>): string[] {
  const names = [host, ...http.hosts.split(',')].map(plainName)
  return [...new Set(names)].filter((name) => isName(name) && name !== '0.0.0.0' && name !== '::')
}

/** Every name that this machine may be called by. */
function certificateNames(config: Wanted): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  // Link-local addresses mean something only together with an interface.
  const reachable = addresses.map(({ address }) => address).filter((address) => !address.startsWith('fe80:'))
  const names = ['localhost', plainName(hostname()), '127.0.0.1', '::1', ...configuredNames(config), ...reachable]
  return [...new Set(names)].filter(isName)
}

/** Without the brackets or zone of an IPv6 address, and without a port. */
function plainName(text: string): string {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '')
  const bracketed = /^\[(.*)\](?::\d+)?$/.exec(name)
  if (bracketed) return bracketed[1] ?? ''
  return isIP(name) === 0 ? name.replace(/:\d+$/, '') : name
}

function isName(name: string): boolean {
  return isIP(name) !== 0 || (name.length <= 253 && name.split('.').every((label) => LABEL.test(label)))
}

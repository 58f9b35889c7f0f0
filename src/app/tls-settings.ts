import { resolve } from 'node:path'
import type { Settings } from './settings.ts'

/** What `settleTls` decides on. */
export type TlsSettings = Pick<Settings, 'tls' | 'tlsCert' | 'tlsKey' | 'tlsClientCa'>

/**
 * What the settings of TLS mean together: files imply `files`, and are absolute paths afterwards. `isKindGiven`:
 * somebody wrote `tls` down. What cannot be is added to `problems`.
 */
export function settleTls(
  settings: TlsSettings,
  { isKindGiven, cwd }: { isKindGiven: boolean; cwd: string },
  problems: string[],
  warnings: string[],
): TlsSettings {
  const { tlsCert, tlsKey, tlsClientCa } = settings
  const hasFiles = tlsCert !== '' || tlsKey !== ''
  const tls: TlsSettings['tls'] = hasFiles && !isKindGiven ? 'files' : settings.tls
  if (tls === 'files') {
    if (tlsCert === '')
      problems.push('tlsCert (--tls-cert) is missing: the file with the certificate that belongs to tlsKey')
    if (tlsKey === '')
      problems.push('tlsKey (--tls-key) is missing: the file with the private key that belongs to tlsCert')
  } else if (tls === 'self-signed' && hasFiles) {
    problems.push('tls self-signed makes its own certificate: leave tlsCert and tlsKey out, or choose tls files')
  } else if (tls === 'off' && hasFiles) warnings.push('tls is off: tlsCert and tlsKey are not used')
  if (tls === 'off' && tlsClientCa !== '') {
    problems.push('tlsClientCa asks clients for certificates, which takes TLS: set tlsCert and tlsKey, or tls')
  }
  const absolute = (path: string): string => (path === '' ? '' : resolve(cwd, path))
  return { tls, tlsCert: absolute(tlsCert), tlsKey: absolute(tlsKey), tlsClientCa: absolute(tlsClientCa) }
}

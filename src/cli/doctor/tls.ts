import { isLoopback } from '../../core/loopback.ts'
import type { Config } from '../../app/config.ts'
import { inspectTls, type TlsInspection } from '../../app/tls.ts'
import type { Finding } from './finding.ts'

const subject = 'tls'

export interface TlsReport {
  findings: Finding[]
  /** Of the certificate that a server with these settings shows, where it can be told. */
  fingerprint: string | undefined
}

/**
 * Who could read on the way, and what a server with these settings shows. `isSecureThere`: at their address a server
 * speaks TLS already, whatever they say.
 */
export async function checkTls(config: Config, nowMs: number, isSecureThere = false): Promise<TlsReport> {
  const found = await inspectTls(config, nowMs)
  if (!found) return { findings: [isSecureThere ? otherFinding(config) : offFinding(config)], fingerprint: undefined }
  const { problems, certificate, warning } = found
  if (problems.length > 0) {
    const text = `a server with these settings does not start:\n${problems.join('\n')}`
    return { findings: [{ state: 'wrong', subject, text }], fingerprint: undefined }
  }
  const findings: Finding[] = [{ state: 'ok', subject, text: `on, with ${shown(config, certificate)}` }]
  if (warning !== undefined) findings.push({ state: 'warn', subject, text: warning })
  return { findings, fingerprint: certificate?.fingerprint }
}

function shown({ tls, tlsClientCa }: Config, certificate: TlsInspection['certificate']): string {
  const kind = tls === 'self-signed' ? 'a certificate of its own, which clients pin' : 'your certificate'
  const mutual = tlsClientCa === '' ? '' : '; clients show one too'
  if (!certificate) return `${kind} (made at the first start)${mutual}`
  const { fingerprint, notAfterMs } = certificate
  return `${kind}, valid until ${new Date(notAfterMs).toISOString().slice(0, 10)}${mutual}\nSHA-256 ${fingerprint}`
}

function offFinding({ host }: Config): Finding {
  if (isLoopback(host))
    return { state: 'ok', subject, text: `off; with these settings only this machine reaches ${host}` }
  return {
    state: 'warn',
    subject,
    text: `off: keys and events travel in clear to and from ${host}`,
    hint: 'Set --tls-cert and --tls-key, or --tls self-signed; or listen on loopback behind a proxy with TLS.',
  }
}

function otherFinding({ host, port }: Config): Finding {
  return {
    state: 'note',
    subject,
    text: `off in these settings, but the server at ${host}:${port} speaks TLS`,
    hint: 'Give the doctor the flags, or the settings file, of that server.',
  }
}

import { X509Certificate } from 'node:crypto'
import { Agent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { createSecureContext, rootCertificates, type SecureContext, type TLSSocket } from 'node:tls'

/** How a server with TLS is known, and what it is shown. Texts are PEM. */
export interface ClientTls {
  /** Authorities trusted beside those that Node.js brings; a server's own certificate serves as well, whoever issued it. */
  ca?: string | undefined
  /**
   * SHA-256 of the server's certificate, as `parseFingerprint` returns it. It alone decides: neither the authority nor
   * the host name is asked.
   */
  fingerprint?: string | undefined
  /** The client's certificate and its key, for servers that ask for one. */
  cert?: string | undefined
  key?: string | undefined
}

/** The server showed another certificate than the one expected. */
export class FingerprintMismatch extends Error {
  readonly code = 'FINGERPRINT_MISMATCH'

  constructor(expected: string, seen: string | undefined) {
    super(`its certificate has the fingerprint ${seen ?? 'of none'}, expected was ${withColons(expected)}`)
  }
}

/** A text of `ClientTls` cannot be used. The message begins with what is wrong, and has nothing of the text in it. */
export class TlsTextError extends TypeError {
  readonly part: keyof ClientTls

  constructor(part: keyof ClientTls, message: string, cause?: unknown) {
    super(message, { cause })
    this.part = part
  }
}

/** A handshake that takes longer is given up. */
const HANDSHAKE_MS_MAX = 30_000

/** 64 hex digits in lower case, from any case, with or without colons; `undefined` when it is none. */
export function parseFingerprint(text: string): string | undefined {
  const digits = text.trim().replaceAll(':', '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined
}

function withColons(fingerprint: string): string {
  return (fingerprint.match(/../g) ?? []).join(':').toUpperCase()
}

/** Throws TlsTextError. */
export function createTlsAgent(tls: ClientTls, connectionsMax: number): Agent {
  const options = { keepAlive: true, maxSockets: connectionsMax, secureContext: secureContextOf(tls) }
  if (tls.fingerprint === undefined) return new Agent(options)
  const fingerprint = parseFingerprint(tls.fingerprint)
  if (fingerprint === undefined) {
    throw new TlsTextError('fingerprint', 'is no SHA-256 fingerprint: 64 hex digits, with or without colons')
  }
  return new PinningAgent(options, fingerprint)
}

/** Made once for all connections: reading every authority takes some 40 ms. */
export function secureContextOf({ ca, cert, key }: ClientTls): SecureContext {
  if (cert !== undefined && key === undefined) throw new TlsTextError('cert', 'lacks its private key')
  if (key !== undefined && cert === undefined) throw new TlsTextError('key', 'lacks its certificate')
  // OpenSSL takes a text without any certificate for an empty list.
  if (ca !== undefined) attempt('ca', () => new X509Certificate(ca), 'is no certificate (PEM)')
  const trust = ca === undefined ? {} : { ca: [...rootCertificates, ca], allowPartialTrustChain: true }
  const own = cert === undefined || key === undefined ? {} : { cert, key }
  return attempt(
    'cert',
    () => createSecureContext({ minVersion: 'TLSv1.2', ...trust, ...own }),
    'and its key cannot be used (PEM, without a passphrase, belonging together)',
  )
}

function attempt<T>(part: keyof ClientTls, work: () => T, complaint: string): T {
  try {
    return work()
  } catch (cause) {
    throw new TlsTextError(part, complaint, cause)
  }
}

type Answer = (error: Error | null, stream: Duplex) => void

/**
 * Hands out a connection only after the certificate was compared, so that nothing of a request can be on its way
 * before. No session is resumed: every connection shows its certificate.
 */
class PinningAgent extends Agent {
  readonly #fingerprint: string
  readonly #pending = new Set<TLSSocket>()

  constructor(options: ConstructorParameters<typeof Agent>[0], fingerprint: string) {
    super({ ...options, maxCachedSessions: 0, rejectUnauthorized: false })
    this.#fingerprint = fingerprint
  }

  override createConnection(options: RequestOptions, answer?: Answer): Duplex | null | undefined {
    const socket = super.createConnection(options) as TLSSocket
    this.#pending.add(socket)
    const settle = (error: Error | null): void => {
      if (!this.#pending.delete(socket)) return
      socket.setTimeout(0)
      if (error) socket.destroy()
      answer?.(error, socket)
    }
    socket.setTimeout(HANDSHAKE_MS_MAX, () => settle(new Error('the TLS handshake took too long')))
    socket.once('error', settle)
    socket.once('close', () => settle(new Error('the connection was closed')))
    socket.once('secureConnect', () => settle(this.#mismatch(socket)))
    return undefined
  }

  override destroy(): void {
    for (const socket of this.#pending) socket.destroy()
    super.destroy()
  }

  #mismatch(socket: TLSSocket): FingerprintMismatch | null {
    const seen = socket.getPeerX509Certificate()?.fingerprint256
    const isExpected = seen !== undefined && parseFingerprint(seen) === this.#fingerprint
    return isExpected ? null : new FingerprintMismatch(this.#fingerprint, seen)
  }
}

import { KeyObject, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { loadX509 } from '../tls-self-signed.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

export interface Pair {
  cert: string
  key: string
}

export interface Authority {
  /** PEM. */
  cert: string
  /** Signs a certificate for a server with these names, or for a client when there are none. */
  issue(names: readonly string[], validity?: { fromMs?: number; untilMs?: number }): Promise<Pair>
}

/** An authority for certificates, made for one test. */
export async function makeAuthority(name = 'test authority'): Promise<Authority> {
  const x509 = await loadX509()
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  return {
    cert: authority.toString('pem'),
    async issue(names, { fromMs = Date.now() - DAY_MS, untilMs = Date.now() + DAY_MS } = {}) {
      const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const certificate = await x509.X509CertificateGenerator.create({
        subject: 'CN=leaf',
        issuer: authority.subject,
        notBefore: new Date(fromMs),
        notAfter: new Date(untilMs),
        signingAlgorithm: ALGORITHM,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions:
          names.length === 0
            ? [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]
            : [
                new x509.SubjectAlternativeNameExtension(
                  names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
                ),
              ],
      })
      return {
        cert: certificate.toString('pem'),
        key: KeyObject.from(own.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
      }
    },
  }
}

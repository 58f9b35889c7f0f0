import { KeyObject, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type * as X509 from '@peculiar/x509'

/** As long as the strictest clients accept. */
export const SELF_SIGNED_DAYS = 825
/** Begins this much in the past, for clients whose clock is behind. */
const BEGUN_MS = 3_600_000
const DAY_MS = 86_400_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/**
 * A certificate for TLS servers that vouches for itself and for nothing else (no authority), with a fresh ECDSA P-256
 * key. `names`: host names and IP addresses. Both PEM.
 */
export async function makeSelfSigned(names: readonly string[], nowMs: number): Promise<{ cert: string; key: string }> {
  const x509 = await loadX509()
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const notBefore = new Date(nowMs - BEGUN_MS)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=tailrace',
    notBefore,
    notAfter: new Date(notBefore.getTime() + SELF_SIGNED_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/**
 * The library for X.509: some 120 ms and 10 MiB, so only who makes a certificate loads it. While it loads, its container
 * of parts asks Reflect for metadata that TypeScript could have left on classes; it has left none.
 */
export async function loadX509(): Promise<typeof X509> {
  const metadata = { getMetadata: () => undefined, getOwnMetadata: () => undefined }
  const missing = Object.entries(metadata).filter(([name]) => !Reflect.has(Reflect, name))
  for (const [name, value] of missing) Reflect.set(Reflect, name, value)
  try {
    return await import('@peculiar/x509')
  } finally {
    for (const [name] of missing) Reflect.deleteProperty(Reflect, name)
  }
}

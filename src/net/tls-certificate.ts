import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { contextOptions, type TlsMaterial } from './tls.ts'

/** Where each part came from, for messages: these name files, never what is in them. */
export interface TlsFileNames {
  cert: string
  key: string
  clientCa?: string | undefined
}

export interface CertificateFacts {
  /** SHA-256 over the certificate, hex with colons, as openssl prints it. */
  fingerprint: string
  notBeforeMs: number
  notAfterMs: number
  /** Whether it is valid for this host name or address. */
  isFor(host: string): boolean
}

export interface TlsCheck {
  /** Each makes the material unusable. */
  problems: string[]
  /** Of the server's own certificate; `undefined` when it cannot be read. */
  certificate: CertificateFacts | undefined
}

/** Whether the parts can be read, belong together and are strong enough for OpenSSL. Validity in time is not asked. */
export function checkMaterial(material: TlsMaterial, names: TlsFileNames): TlsCheck {
  const problems: string[] = []
  const chain = readCertificates(material.cert, names.cert, problems)
  const key = readPrivateKey(material.key, names.key, problems)
  if (material.clientCa !== undefined) {
    readCertificates(material.clientCa, names.clientCa ?? 'the authorities', problems)
  }
  const [own] = chain
  if (own && key) checkPair(chain, key, names, problems)
  if (problems.length === 0) tryContext(material, names, problems)
  return { problems, certificate: own && factsOf(own) }
}

/** The facts of the first certificate in a PEM text, `undefined` when there is none. */
export function certificateFacts(pem: string): CertificateFacts | undefined {
  const [own] = readCertificates(pem, '', [])
  return own && factsOf(own)
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/

function readCertificates(pem: string, file: string, problems: string[]): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? []
  if (blocks.length === 0) {
    const instead = PRIVATE_KEY.test(pem) ? ', but a private key' : ''
    problems.push(`${file} has no certificate in it (PEM)${instead}`)
  }
  return blocks.flatMap((block, index) => {
    try {
      return [new X509Certificate(block)]
    } catch {
      // What OpenSSL says about it means nothing to whoever reads this.
      problems.push(`${file}: certificate ${index + 1} of ${blocks.length} is damaged`)
      return []
    }
  })
}

function readPrivateKey(pem: string, file: string, problems: string[]): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE' || /-----BEGIN ENCRYPTED/.test(pem)) {
      problems.push(`${file}: the key is encrypted; the server takes only one without a passphrase`)
    } else if (PRIVATE_KEY.test(pem)) problems.push(`${file}: the private key is damaged or of an unknown kind`)
    else {
      const instead = CERTIFICATE.test(pem) ? ', but a certificate' : ''
      problems.push(`${file} has no private key in it (PEM)${instead}`)
    }
    return undefined
  }
}

function checkPair(
  chain: readonly X509Certificate[],
  key: KeyObject,
  { cert, key: keyFile }: TlsFileNames,
  problems: string[],
): void {
  const place = chain.findIndex((certificate) => certificate.checkPrivateKey(key))
  if (place === -1) problems.push(`the key in ${keyFile} does not belong to the certificate in ${cert}`)
  if (place > 0) {
    problems.push(`the key in ${keyFile} belongs to certificate ${place + 1} in ${cert}: that one has to come first`)
  }
}

function tryContext(material: TlsMaterial, { cert, key }: TlsFileNames, problems: string[]): void {
  try {
    createSecureContext(contextOptions(material))
  } catch (error) {
    const { reason, message } = error as Error & { reason?: string }
    problems.push(`${cert} and ${key} cannot be used: ${reason ?? message}`)
  }
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    fingerprint: certificate.fingerprint256,
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    isFor: (host) =>
      (isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)) !== undefined,
  }
}

import { createPrivateKey } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { certificateFacts, checkMaterial } from './tls-certificate.ts'
import { makeSelfSigned, SELF_SIGNED_DAYS } from './tls-self-signed.ts'
import { makeAuthority, type Authority, type Pair } from './testing/certificates.ts'
import type { TlsMaterial } from './tls.ts'

const NAMES = { cert: '/etc/c.pem', key: '/etc/k.pem', clientCa: '/etc/ca.pem' }
const DAY_MS = 86_400_000

let authority: Authority
let own: Pair
let other: Pair
beforeAll(async () => {
  authority = await makeAuthority()
  own = await authority.issue(['localhost'])
  other = await authority.issue(['localhost'])
})

const DAMAGED = '-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n'
const DAMAGED_KEY = '-----BEGIN PRIVATE KEY-----\nbm90aGluZw==\n-----END PRIVATE KEY-----\n'

describe('what cannot be used', () => {
  test.each<[string, () => TlsMaterial, string[]]>([
    ['nothing wrong', () => own, []],
    ['a chain', () => ({ ...own, cert: `${own.cert}\n${authority.cert}`, clientCa: authority.cert }), []],
    [
      'empty files',
      () => ({ cert: '', key: '', clientCa: '' }),
      [
        '/etc/c.pem has no certificate in it (PEM)',
        '/etc/k.pem has no private key in it (PEM)',
        '/etc/ca.pem has no certificate in it (PEM)',
      ],
    ],
    [
      'swapped',
      () => ({ cert: own.key, key: own.cert }),
      [
        '/etc/c.pem has no certificate in it (PEM), but a private key',
        '/etc/k.pem has no private key in it (PEM), but a certificate',
      ],
    ],
    [
      'damaged',
      () => ({ cert: own.cert + DAMAGED, key: DAMAGED_KEY }),
      ['/etc/c.pem: certificate 2 of 2 is damaged', '/etc/k.pem: the private key is damaged or of an unknown kind'],
    ],
    [
      'of another certificate',
      () => ({ ...own, key: other.key }),
      ['the key in /etc/k.pem does not belong to the certificate in /etc/c.pem'],
    ],
    [
      'in the wrong order',
      () => ({ ...own, cert: `${authority.cert}\n${own.cert}` }),
      ['the key in /etc/k.pem belongs to certificate 2 in /etc/c.pem: that one has to come first'],
    ],
    [
      'encrypted',
      () => ({ ...own, key: encrypted(own.key) }),
      ['/etc/k.pem: the key is encrypted; the server takes only one without a passphrase'],
    ],
    [
      'refused by OpenSSL only',
      () => ({ ...own, cert: own.cert + authority.cert }),
      ['/etc/c.pem and /etc/k.pem cannot be used: bad end line'],
    ],
    ['half written', () => ({ ...own, cert: own.cert.slice(0, 200) }), ['/etc/c.pem has no certificate in it (PEM)']],
  ])('%s', (_case, material, problems) => {
    expect(checkMaterial(material(), NAMES).problems).toEqual(problems)
  })

  test('no message has anything of the files in it', () => {
    const { problems } = checkMaterial({ cert: 'hunter2', key: 'hunter2', clientCa: 'hunter2' }, NAMES)
    expect(problems).toHaveLength(3)
    expect(problems.join()).not.toContain('hunter2')
  })
})

function encrypted(key: string): string {
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const
  return createPrivateKey(key).export(options).toString()
}

describe('a self-signed certificate', () => {
  const nowMs = Date.UTC(2026, 1, 3)

  test('is for all its names, for its time and for nothing else', async () => {
    const names = ['localhost', 'logs.example', 'under_score', '127.0.0.1', '::1', '2001:db8::7']
    const made = await makeSelfSigned(names, nowMs)
    const { problems, certificate } = checkMaterial(made, NAMES)
    expect(problems).toEqual([])
    expect(certificate?.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    for (const name of names) expect([name, certificate?.isFor(name)]).toEqual([name, true])
    for (const name of ['tailrace', 'example', '10.0.0.1']) expect(certificate?.isFor(name)).toBe(false)
    const { notBeforeMs = 0, notAfterMs = 0 } = certificate ?? {}
    expect(notAfterMs - notBeforeMs).toBe(SELF_SIGNED_DAYS * DAY_MS)
    expect(nowMs - notBeforeMs).toBeGreaterThan(0)
    expect(nowMs - notBeforeMs).toBeLessThan(DAY_MS)
  })

  test('is another one each time', async () => {
    const [one, two] = await Promise.all([makeSelfSigned(['a'], nowMs), makeSelfSigned(['a'], nowMs)])
    expect(one.key).not.toBe(two.key)
    expect(certificateFacts(one.cert)?.fingerprint).not.toBe(certificateFacts(two.cert)?.fingerprint)
  })

  test('leaves no trace on Reflect', async () => {
    await makeSelfSigned(['a'], nowMs)
    expect(Object.keys(Reflect)).toEqual([])
    expect('getMetadata' in Reflect).toBe(false)
  })
})

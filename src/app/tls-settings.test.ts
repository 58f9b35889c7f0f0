import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AppError } from '../core/errors.ts'
import { loadConfig } from './config.ts'

const cwd = join('/', 'srv', 'logs')

function load(flags: Record<string, string>) {
  return loadConfig({ flags, env: {}, cwd })
}

describe('settings of TLS together', () => {
  test.each<[Record<string, string>, object]>([
    [{}, { tls: 'off', tlsCert: '', tlsKey: '', tlsClientCa: '' }],
    [
      { 'tls-cert': 'c.pem', 'tls-key': '/etc/k.pem' },
      { tls: 'files', tlsCert: join(cwd, 'c.pem'), tlsKey: '/etc/k.pem' },
    ],
    [
      { tls: 'self-signed', 'tls-client-ca': 'ca.pem' },
      { tls: 'self-signed', tlsClientCa: join(cwd, 'ca.pem') },
    ],
    [{ tls: 'off', 'tls-cert': 'c.pem', 'tls-key': 'k.pem' }, { tls: 'off' }],
  ])('%j', (flags, expected) => {
    expect(load(flags)).toMatchObject(expected)
  })

  test.each<[Record<string, string>, string]>([
    [{ 'tls-cert': 'c.pem' }, 'tlsKey (--tls-key) is missing'],
    [{ 'tls-key': 'k.pem' }, 'tlsCert (--tls-cert) is missing'],
    [{ tls: 'files', 'tls-key': 'k.pem' }, 'tlsCert (--tls-cert) is missing'],
    [{ tls: 'self-signed', 'tls-cert': 'c.pem' }, 'tls self-signed makes its own certificate'],
    [{ 'tls-client-ca': 'ca.pem' }, 'which takes TLS'],
    [{ tls: 'on' }, 'flag --tls: '],
  ])('%j is refused', (flags, words) => {
    const refused = expect.objectContaining({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining(words) as string,
    })
    expect(() => load(flags)).toThrow(refused as AppError)
  })

  test('files that are not used are told', () => {
    expect(load({ tls: 'off', 'tls-cert': 'c.pem', 'tls-key': 'k.pem' }).warnings).toEqual([
      'tls is off: tlsCert and tlsKey are not used',
    ])
  })

  test('what client commands read is no unknown setting', () => {
    const env = { TAILRACE_CA: 'x', TAILRACE_FINGERPRINT: 'x', TAILRACE_CERT: 'x', TAILRACE_CERT_KEY: 'x' }
    expect(loadConfig({ flags: {}, env, cwd }).warnings).toEqual([])
  })
})

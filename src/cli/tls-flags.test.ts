import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ServerAway } from '../client/failures.ts'
import { makeAuthority } from '../net/testing/certificates.ts'
import { UsageError } from './command.ts'
import { connectClient, type ConnectionArguments } from './connection.ts'
import { explainFailure } from './failure.ts'
import { memoryTerminal } from './testing/memory-terminal.ts'

const PIN = 'AB:'.repeat(31) + 'AB'

let cwd = ''
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tailrace-tls-flags-'))
  const authority = await makeAuthority()
  const [one, two] = [await authority.issue([]), await authority.issue([])]
  const files = {
    'ca.pem': authority.cert,
    'c.pem': one.cert,
    'k.pem': one.key,
    'other.pem': two.key,
    'x.pem': 'hunter2',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text)
})
afterAll(() => rmSync(cwd, { recursive: true }))

function urlOf(args: ConnectionArguments, env: Record<string, string> = {}): string {
  const client = connectClient(args, memoryTerminal({ cwd, env }))
  client.close()
  return client.url
}

describe('an address without a scheme', () => {
  test.each<[ConnectionArguments, Record<string, string>, string]>([
    [{}, {}, 'http://127.0.0.1:7575'],
    [{ fingerprint: PIN }, {}, 'https://127.0.0.1:7575'],
    [{ url: 'logs.example:80', ca: 'ca.pem' }, {}, 'https://logs.example:80'],
    [{ url: 'logs.example', cert: 'c.pem', 'cert-key': 'k.pem' }, {}, 'https://logs.example'],
    [{}, { TAILRACE_CA: 'ca.pem' }, 'https://127.0.0.1:7575'],
    [{}, { TAILRACE_FINGERPRINT: PIN, TAILRACE_CA: '' }, 'https://127.0.0.1:7575'],
    [{}, { TAILRACE_CERT: 'c.pem', TAILRACE_CERT_KEY: 'k.pem' }, 'https://127.0.0.1:7575'],
    [{ ca: 'ca.pem' }, { TAILRACE_CA: 'none.pem' }, 'https://127.0.0.1:7575'],
    [{ url: 'https://logs.example' }, {}, 'https://logs.example'],
  ])('%j %j → %s', (args, env, url) => expect(urlOf(args, env)).toBe(url))
})

describe('mistakes', () => {
  test.each<[ConnectionArguments, Record<string, string>, string]>([
    [{ ca: 'none.pem' }, {}, 'The file of --ca cannot be read: ENOENT'],
    [{}, { TAILRACE_CA: '/dev/zero' }, 'The file of TAILRACE_CA is too long for a certificate'],
    [{ ca: 'x.pem' }, {}, 'What --ca gives is no certificate'],
    [{ fingerprint: 'AB:CD' }, {}, 'What --fingerprint gives is no SHA-256 fingerprint'],
    [{}, { TAILRACE_FINGERPRINT: 'hunter2' }, 'What TAILRACE_FINGERPRINT gives is no SHA-256 fingerprint'],
    [{ cert: 'c.pem' }, {}, 'What --cert gives lacks its private key'],
    [{ 'cert-key': 'k.pem' }, {}, 'What --cert-key gives lacks its certificate'],
    [{ cert: 'c.pem', 'cert-key': 'other.pem' }, {}, 'What --cert gives and its key cannot be used'],
    [{ url: 'http://logs.example', fingerprint: PIN }, {}, '--fingerprint is for https, and the URL is http://'],
    [{ url: 'http://logs.example' }, { TAILRACE_CA: 'ca.pem' }, 'TAILRACE_CA is for https'],
  ])('%j %j', (args, env, message) => {
    const connect = () => urlOf(args, env)
    expect(connect).toThrow(UsageError)
    expect(connect).toThrow(message)
    expect(connect).not.toThrow('hunter2')
  })
})

test.each<[object, string, string]>([
  [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'its certificate is self-signed', '--ca <file>'],
  [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'its certificate is self-signed', '--fingerprint <sha256>'],
  [
    { code: 'FINGERPRINT_MISMATCH', message: 'seen this, expected that' },
    'seen this, expected that',
    'Nothing was sent',
  ],
  [{ code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }, 'wants a certificate', '--cert <file> and --cert-key <file>'],
  [{ code: 'EPROTO', message: 'write EPROTO: wrong version number' }, 'speaks no TLS', 'http://'],
])('%j is told as %s, with %s', async (cause, reason, hint) => {
  const { err, errText } = memoryTerminal()
  await explainFailure(new ServerAway('https://logs.example', cause), err)
  expect(errText()).toContain(reason)
  expect(errText()).toContain(hint)
})

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { certificateFacts } from '../../src/net/tls-certificate.ts'
import { makeAuthority, type Pair } from '../../src/net/testing/certificates.ts'
import { runCli, startCli } from './harness/cli.ts'
import { spawnServer, startServer, temporaryFolder, type TestServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

/** The certificate that new connections are shown. */
async function shownBy({ url }: TestServer): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

const fingerprintOf = ({ cert }: Pair): string => certificateFacts(cert)?.fingerprint ?? ''

describe('a self-signed certificate', () => {
  test('is told, pinned by the commands, and kept across restarts', async () => {
    const dataDir = temporaryFolder()
    const server = await startServer({ dataDir, flags: { tls: 'self-signed' } })
    expect(new URL(server.url).protocol).toBe('https:')
    const fingerprint = await shownBy(server)
    await until('the log has it', () => server.stderr.includes('"msg":"Ready"'))
    expect(server.stderr).toContain(`"fingerprint":"${fingerprint}"`)

    const pin = ['--url', server.url, '--fingerprint', fingerprint.replaceAll(':', '').toLowerCase()]
    expect(await runCli(['send', '--service', 'shop', ...pin], 'over TLS\n')).toMatchObject({ code: 0 })
    const own = ['--url', server.url, '--ca', join(dataDir, 'tls', 'cert.pem')]
    await until('it is found', async () => (await runCli(['query', 'TLS', ...own])).stdout.includes('over TLS'))
    const doctor = await runCli([
      'doctor',
      '--tls',
      'self-signed',
      '--data',
      dataDir,
      '--url',
      server.url,
      ...own.slice(2),
    ])
    expect(doctor.stdout).toContain(fingerprint)

    const unknown = await runCli(['query', '*', '--url', server.url])
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('its certificate is self-signed') as string,
    })
    expect(unknown.stderr).toContain('--fingerprint')
    const other = await runCli(['query', '*', '--url', server.url, '--fingerprint', 'ab'.repeat(32)])
    expect(other.code).toBe(1)
    expect(other.stderr).toContain(`its certificate has the fingerprint ${fingerprint}, expected was AB:AB`)
    const plain = await runCli(['query', '*', '--url', server.url.replace('https', 'http')])
    expect(plain.code).toBe(1)
    expect(plain.stderr).toContain('Write https:// instead of http://.')

    // Nobody watches this folder: it is the signal that has it looked at.
    rmSync(join(dataDir, 'tls'), { recursive: true })
    process.kill(server.pid, 'SIGHUP')
    await until('a new one is shown', async () => (await shownBy(server)) !== fingerprint)
    const renewed = await shownBy(server)
    expect(server.stderr).toContain(renewed)
    await server.stop()
    const again = await startServer({ dataDir, flags: { tls: 'self-signed' } })
    expect(await shownBy(again)).toBe(renewed)
    await again.stop()
  })
})

describe('files', () => {
  test('SIGHUP shows the new certificate, and a tail goes on', async () => {
    const dir = temporaryFolder()
    const authority = await makeAuthority()
    const [first, second] = [await authority.issue(['127.0.0.1']), await authority.issue(['127.0.0.1'])]
    const write = ({ cert, key }: Pair): void => {
      writeFileSync(join(dir, 'cert.pem'), cert)
      writeFileSync(join(dir, 'key.pem'), key)
    }
    writeFileSync(join(dir, 'ca.pem'), authority.cert)
    write(first)
    const server = await startServer({
      flags: { 'tls-cert': join(dir, 'cert.pem'), 'tls-key': join(dir, 'key.pem') },
    })
    const trust = ['--url', server.url, '--ca', join(dir, 'ca.pem')]
    const tail = startCli(['tail', 'service:shop', ...trust])
    const send = (line: string) => runCli(['send', '--service', 'shop', ...trust], `${line}\n`)
    await until('the tail shows events', async () => {
      await send('before')
      return tail.stdout.includes('before')
    })

    write(second)
    process.kill(server.pid, 'SIGHUP')
    await until('new connections are shown it', async () => (await shownBy(server)) === fingerprintOf(second))
    expect(server.stderr).toContain('SIGHUP')
    await send('after')
    await until('the same tail shows more', () => tail.stdout.includes('after'))

    write({ ...first, key: second.key })
    process.kill(server.pid, 'SIGHUP')
    await until('the mistake is told', () => server.stderr.includes('does not belong to the certificate'))
    expect(await shownBy(server)).toBe(fingerprintOf(second))
    expect(server.stderr).not.toContain('PRIVATE KEY')
    expect(tail.child.exitCode).toBeNull()
    await server.stop()
  })

  test('that cannot be used keep the server from starting', async () => {
    const dir = temporaryFolder()
    writeFileSync(join(dir, 'cert.pem'), 'nothing')
    const server = spawnServer({ flags: { 'tls-cert': join(dir, 'cert.pem'), 'tls-key': join(dir, 'key.pem') } })
    expect(await server.ended).toEqual({ code: 2, signal: null })
    expect(server.stderr).toContain(`${join(dir, 'key.pem')} cannot be read: ENOENT`)
    expect(server.stdout).toBe('')
  })
})

test('clients without a certificate are kept out when it is asked for', async () => {
  const dir = temporaryFolder()
  const authority = await makeAuthority()
  const own = await authority.issue([])
  const files = { 'ca.pem': authority.cert, 'c.pem': own.cert, 'k.pem': own.key }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  const server = await startServer({
    flags: { tls: 'self-signed', 'tls-client-ca': join(dir, 'ca.pem') },
  })
  const fingerprint = certificateFacts(readFileSync(join(server.dataDir, 'tls', 'cert.pem'), 'utf8'))?.fingerprint ?? ''
  const pin = ['--url', server.url, '--fingerprint', fingerprint]
  const shown = await runCli(['query', '*', ...pin, '--cert', join(dir, 'c.pem'), '--cert-key', join(dir, 'k.pem')])
  expect(shown).toMatchObject({ code: 0 })
  const without = await runCli(['query', '*', ...pin])
  expect(without.code).toBe(1)
  expect(without.stderr).toContain('wants a certificate of this client')
  await server.stop()
})

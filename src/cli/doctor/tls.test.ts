import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../app/config.ts'
import { openTls } from '../../app/tls.ts'
import { Counters } from '../../core/counters.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { createHttpServer } from '../../net/http-server.ts'
import { makeAuthority } from '../../net/testing/certificates.ts'
import { canonicalArguments } from '../arguments.ts'
import { command } from '../commands/doctor.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { checkTls } from './tls.ts'

let cwd = ''
const closers: (() => void | Promise<void>)[] = []
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tailrace-doctor-'))
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  rmSync(cwd, { recursive: true })
})

const configOf = (flags: Record<string, string>) => loadConfig({ flags: { data: '.', ...flags }, env: {}, cwd })
const FILES = { 'tls-cert': 'c.pem', 'tls-key': 'k.pem', 'tls-client-ca': 'ca.pem' }
const DAY_MS = 86_400_000

async function writeFiles(untilMs: number): Promise<void> {
  const authority = await makeAuthority()
  const { cert, key } = await authority.issue(['127.0.0.1'], { untilMs })
  for (const [name, text] of Object.entries({ c: cert, k: key, ca: authority.cert })) {
    writeFileSync(join(cwd, `${name}.pem`), text)
  }
}

/** Answers as a server with these settings would, as far as the doctor asks. */
async function serve(flags: Record<string, string>): Promise<string> {
  const counters = new Counters()
  const tls = await openTls(configOf(flags), { logger: SILENT_LOGGER, counters, clock: Date.now })
  const http = createHttpServer({ logger: SILENT_LOGGER, counters, tls: tls?.material })
  closers.push(() => tls?.close(), http.close)
  const ready = { status: 'ready', reasons: [] }
  http.app.get('/readyz', { config: { access: 'public' } }, () => ready)
  http.app.get('/api/v1/status', { config: { access: 'public' } }, () => ({
    version: '1.2.3',
    uptimeSeconds: 1,
    listeners: {},
    ingest: { accepted: { total: 0 }, rejected: { total: 0 } },
    lag: { seconds: 0 },
    spool: {},
    store: {},
    disk: { usedBytes: null },
    process: { pid: 42 },
  }))
  const { port } = await http.listen('127.0.0.1', 0)
  return String(port)
}

async function doctor(flags: Record<string, string>, env: Record<string, string> = {}) {
  const terminal = memoryTerminal({ cwd, env })
  const given = Object.entries({ data: '.', store: 'https://ch.example:8443/logs', ...flags }).flatMap(
    ([name, value]) => [`--${name}`, value],
  )
  const code = await command.run(canonicalArguments(given, await command.flags()), terminal)
  return { code, out: terminal.outText() }
}

describe('settings', () => {
  test('files that fit, that are old, and that are not there', async () => {
    await writeFiles(Date.now() + 100 * DAY_MS)
    const { findings, fingerprint } = await checkTls(configOf(FILES), Date.now())
    expect(findings).toEqual([
      {
        state: 'ok',
        subject: 'tls',
        text: expect.stringContaining('on, with your certificate, valid until 2') as string,
      },
    ])
    expect(findings[0]?.text).toContain(`; clients show one too\nSHA-256 ${fingerprint}`)
    await writeFiles(Date.now() - DAY_MS / 2)
    const old = await checkTls(configOf(FILES), Date.now())
    expect(old.findings.map(({ state }) => state)).toEqual(['ok', 'warn'])
    rmSync(join(cwd, 'k.pem'))
    const wrong = await checkTls(configOf(FILES), Date.now())
    expect(wrong).toMatchObject({ findings: [{ state: 'wrong' }], fingerprint: undefined })
    expect(wrong.findings[0]?.text).toContain('k.pem cannot be read: ENOENT')
  })
})

describe('a server on this machine', () => {
  test('is known by the certificate it made for itself', async () => {
    const port = await serve({ tls: 'self-signed' })
    const { code, out } = await doctor({ tls: 'self-signed', port })
    expect(out).toMatch(new RegExp(`^ok +server +https://127.0.0.1:${port}, version 1.2.3`, 'm'))
    expect(code).toBe(0)
  })

  test('is known by its file, and wants what was asked of clients', async () => {
    await writeFiles(Date.now() + 100 * DAY_MS)
    const flags = { 'tls-cert': 'c.pem', 'tls-key': 'k.pem' }
    expect((await doctor({ ...flags, port: await serve(flags) })).code).toBe(0)
    const { code, out } = await doctor({ ...FILES, port: await serve(FILES) })
    expect(out).toMatch(/^wrong +server +https:.*wants a certificate of this client/m)
    expect(out).toContain('--cert <file> and --cert-key <file>')
    expect(code).toBe(1)
  })

  test('is known by the file that lies here, also when it is named', async () => {
    await writeFiles(Date.now() + 100 * DAY_MS)
    const flags = { 'tls-cert': 'c.pem', 'tls-key': 'k.pem' }
    const port = await serve(flags)
    for (const url of [`https://127.0.0.1:${port}`, `https://localhost:${port}`]) {
      const { code, out } = await doctor({ ...flags, port }, { TAILRACE_URL: url })
      expect(out).toMatch(new RegExp(`^ok +server +${url}, version 1.2.3`, 'm'))
      expect(code).toBe(0)
    }
    const other = { TAILRACE_URL: `https://127.0.0.1:${port}`, TAILRACE_FINGERPRINT: 'ab'.repeat(32) }
    expect((await doctor({ ...flags, port }, other)).out).toContain('expected was AB:AB')
    const elsewhere = await doctor({ ...flags, port: '1' }, { TAILRACE_URL: `https://127.0.0.1:${port}` })
    expect(elsewhere.out).toMatch(/^wrong +server .*an authority that is not known here/m)
  })

  test('that speaks TLS though these settings have none', async () => {
    const port = await serve({ tls: 'self-signed' })
    const { code, out } = await doctor({ port })
    expect(out).toMatch(
      new RegExp(`^note +tls +off in these settings, but the server at 127.0.0.1:${port} speaks TLS`, 'm'),
    )
    expect(out).not.toContain('only this machine')
    expect(out).toMatch(/^wrong +server +https:.*its certificate is self-signed/m)
    expect(code).toBe(1)
  })

  test('that shows another certificate is not taken for this one', async () => {
    const port = await serve({ tls: 'self-signed' })
    rmSync(join(cwd, 'tls'), { recursive: true })
    const other = await openTls(configOf({ tls: 'self-signed' }), {
      logger: SILENT_LOGGER,
      counters: new Counters(),
      clock: Date.now,
    })
    other?.close()
    const { code, out } = await doctor({ tls: 'self-signed', port })
    expect(out).toMatch(/^wrong +server +https:.*its certificate has the fingerprint/m)
    expect(code).toBe(1)
  })
})

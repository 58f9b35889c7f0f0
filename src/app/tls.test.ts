import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Counters } from '../core/counters.ts'
import type { Logger } from '../core/logger.ts'
import { createHttpServer, type HttpServer } from '../net/http-server.ts'
import { certificateFacts } from '../net/tls-certificate.ts'
import { makeAuthority, type Authority, type Pair } from '../net/testing/certificates.ts'
import { loadConfig, type Config } from './config.ts'
import { inspectTls, openTls, type Tls } from './tls.ts'

const DAY_MS = 86_400_000

let authority: Authority
let first: Pair
let second: Pair
beforeAll(async () => {
  authority = await makeAuthority()
  first = await authority.issue(['127.0.0.1'])
  second = await authority.issue(['127.0.0.1'])
})

let dir: string
let tls: Tls | undefined
let http: HttpServer | undefined
let counters: Counters
let told: string[]
let nowMs: number
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-tls-'))
  counters = new Counters()
  told = []
  nowMs = Date.now()
})
afterEach(async () => {
  tls?.close()
  await http?.close()
  http = undefined
  rmSync(dir, { recursive: true, force: true })
})

const logger: Logger = {
  debug() {},
  info: (fields, text) => void told.push(`info ${text} ${JSON.stringify(fields)}`),
  warn: (fields, text) => {
    const { err } = fields as { err?: Error }
    told.push(`warn ${text} ${JSON.stringify(fields)} ${err?.message ?? ''}`)
  },
  error() {},
}

function configOf(flags: Record<string, string>): Config {
  return loadConfig({ flags: { data: join(dir, 'data'), ...flags }, env: {}, cwd: dir })
}

async function open(flags: Record<string, string>): Promise<Tls> {
  tls = await openTls(configOf(flags), {
    logger,
    counters,
    clock: () => nowMs,
    watchTimes: { settleMs: 20, pollMs: 3_600_000 },
  })
  if (!tls) throw new Error('TLS is off')
  return tls
}

const FILES = { 'tls-cert': 'cert.pem', 'tls-key': 'key.pem' }

/** Each file is renamed into place. */
function write({ cert, key }: Pair): void {
  for (const [name, text] of Object.entries({ key, cert })) {
    writeFileSync(join(dir, 'new'), text)
    renameSync(join(dir, 'new'), join(dir, `${name}.pem`))
  }
}

const fingerprintOf = ({ cert }: Pair): string => certificateFacts(cert)?.fingerprint ?? ''
const reloads = (outcome: string): number => counters.total('tls_reloads_total', { outcome })

async function serve(shown: Tls): Promise<number> {
  http = createHttpServer({ logger, counters, tls: shown.material })
  shown.attach(http)
  http.app.get('/', { config: { access: 'public' } }, () => ({}))
  return (await http.listen('127.0.0.1', 0)).port
}

async function shownAt(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

async function refusal(flags: Record<string, string>): Promise<string> {
  const error = await open(flags).then(
    () => undefined,
    (reason: Error) => reason,
  )
  expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
  return error?.message ?? ''
}

describe('files', () => {
  test('every problem is told at once, by file', async () => {
    write({ ...first, key: second.key })
    expect(await refusal(FILES)).toBe(`the key in ${dir}/key.pem does not belong to the certificate in ${dir}/cert.pem`)
    expect(await refusal({ 'tls-cert': 'none.pem', 'tls-key': 'key.pem', 'tls-client-ca': '.' })).toBe(
      `${dir} cannot be read: EISDIR\n${dir}/none.pem cannot be read: ENOENT`,
    )
  })

  test('files that are replaced are shown to new connections; a keep-alive connection stays', async () => {
    write(first)
    const port = await serve(await open(FILES))
    expect(await shownAt(port)).toBe(fingerprintOf(first))
    const agent = new https.Agent({ ca: authority.cert, keepAlive: true, maxSockets: 1 })
    const ask = async (): Promise<number | undefined> => {
      const [response] = (await once(https.get({ host: '127.0.0.1', port, agent }), 'response')) as [IncomingMessage]
      const { localPort } = response.socket
      await response.resume().toArray()
      return localPort
    }
    const localPort = await ask()

    write(second)
    await expect.poll(() => shownAt(port)).toBe(fingerprintOf(second))
    expect(tls?.status()).toMatchObject({ kind: 'files', fingerprint: fingerprintOf(second) })
    expect(reloads('replaced')).toBe(1)
    expect(told.join('\n')).toContain(fingerprintOf(second))
    expect(await ask()).toBe(localPort)
    agent.destroy()
  })

  test('what does not fit is not shown, and told; the next change counts', async () => {
    write(first)
    const port = await serve(await open(FILES))
    write({ ...second, key: first.key })
    await expect.poll(() => reloads('refused')).toBe(1)
    expect(told.at(-1)).toContain('does not belong to the certificate')
    expect(told.join()).not.toContain('PRIVATE')
    expect(await shownAt(port)).toBe(fingerprintOf(first))
    expect(tls?.status().fingerprint).toBe(fingerprintOf(first))
    write(second)
    await expect.poll(() => shownAt(port)).toBe(fingerprintOf(second))
    expect([reloads('refused'), reloads('replaced')]).toEqual([1, 1])
  })

  test('reload looks at once, and does nothing where nothing changed', async () => {
    write(first)
    const opened = await open(FILES)
    await opened.reload()
    expect(counters.total('tls_reloads_total')).toBe(0)
    write(second)
    await opened.reload()
    expect(opened.status().fingerprint).toBe(fingerprintOf(second))
  })

  test.each<[string, number, number, string | undefined]>([
    ['fresh', -1, 20, undefined],
    ['about to expire', -1, 10, 'expires soon'],
    ['expired', -20, -1, 'has expired'],
    ['of the future', 1, 20, 'is not valid yet'],
  ])('%s: from day %i to day %i', async (_case, from, until, words) => {
    write(await authority.issue(['x'], { fromMs: nowMs + from * DAY_MS, untilMs: nowMs + until * DAY_MS }))
    await open(FILES)
    expect(told.map((line) => line.includes(words ?? 'nothing'))).toEqual(words === undefined ? [] : [true])
  })
})

describe('self-signed', () => {
  const SELF = { tls: 'self-signed' }
  const reopen = async (flags: Record<string, string> = {}): Promise<string> => {
    tls?.close()
    return (await open({ ...SELF, ...flags })).status().fingerprint
  }

  test('is made once, kept for this user only, and shown', async () => {
    const opened = await open(SELF)
    const { fingerprint } = opened.status()
    expect(opened.status()).toMatchObject({ kind: 'self-signed' })
    expect(await shownAt(await serve(opened))).toBe(fingerprint)
    const folder = join(dir, 'data', 'tls')
    const modes = ['', 'cert.pem', 'key.pem'].map((name) => (statSync(join(folder, name)).mode & 0o777).toString(8))
    expect(modes).toEqual(['700', '600', '600'])
    expect(told).toEqual([expect.stringContaining('info Made a self-signed certificate')])
    const { cert } = opened.material
    for (const name of ['localhost', '127.0.0.1', '::1']) expect(certificateFacts(cert)?.isFor(name)).toBe(true)
    expect(await reopen()).toBe(fingerprint)
    expect(told).toHaveLength(1)
  })

  test('is replaced in its last 30 days, while the server runs too', async () => {
    const before = await reopen()
    nowMs += 794 * DAY_MS
    expect(await reopen()).toBe(before)
    nowMs += DAY_MS
    const after = await reopen()
    expect(after).not.toBe(before)
    expect(told.at(-1)).toContain('about to expire')
    expect(told.at(-1)).toContain(before)
    nowMs += 800 * DAY_MS
    const port = await serve(tls as Tls)
    await tls?.reload()
    expect(await shownAt(port)).not.toBe(after)
    expect(reloads('replaced')).toBe(1)
  })

  test.each<[string, Record<string, string>, boolean]>([
    ['a new name', { host: 'logs.example' }, true],
    ['a further name with a port', { 'http-hosts': 'localhost, logs.example:7575' }, true],
    ['all addresses', { host: '0.0.0.0' }, false],
    ['an address it has', { host: '127.0.0.1', 'http-hosts': '[::1]:7575,LOCALHOST' }, false],
    ['what can be no name', { 'http-hosts': 'a..b, *.example, -, ::ffff:127.0.0.1, fe80::1%eth0x' }, true],
  ])('%s', async (_case, flags, isReplaced) => {
    const before = await reopen()
    const after = await reopen(flags)
    expect(after !== before).toBe(isReplaced)
    // Once it has the names it stays.
    expect(await reopen(flags)).toBe(after)
  })

  test('damaged files are replaced', async () => {
    const before = await reopen()
    const folder = join(dir, 'data', 'tls')
    chmodSync(folder, 0o755)
    writeFileSync(join(folder, 'key.pem'), readFileSync(join(folder, 'key.pem'), 'utf8').slice(0, 60))
    expect(await reopen()).not.toBe(before)
    expect(told.at(-1)).toContain('it was damaged')
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  test('a folder that is none is told', async () => {
    mkdirSync(join(dir, 'data'))
    writeFileSync(join(dir, 'data', 'tls'), '')
    expect(await refusal(SELF)).toContain(`The data folder ${dir}/data cannot be`)
  })
})

async function look(flags: Record<string, string>) {
  const found = await inspectTls(configOf(flags), nowMs)
  return found && { ...found, certificate: found.certificate?.fingerprint }
}

describe('seen from outside', () => {
  test('what a server would show, or why it would not start', async () => {
    expect(await look({})).toBeUndefined()
    write(first)
    const fine = { problems: [], certificate: fingerprintOf(first), warning: 'The TLS certificate expires soon' }
    expect(await look(FILES)).toEqual(fine)
    expect(await look({ ...FILES, 'tls-key': 'none.pem' })).toMatchObject({
      problems: [`${dir}/none.pem cannot be read: ENOENT`],
    })
    write({ ...first, key: second.key })
    expect(await look(FILES)).toMatchObject({ problems: [expect.stringContaining('does not belong')] })
    const untilMs = nowMs - DAY_MS
    write(await authority.issue(['x'], { fromMs: untilMs - DAY_MS, untilMs }))
    expect(await look(FILES)).toMatchObject({ problems: [], warning: expect.stringContaining('has expired') as string })
  })

  test('nothing is made', async () => {
    const flags = { tls: 'self-signed' }
    const none = { problems: [], certificate: undefined, warning: undefined }
    expect(await look(flags)).toEqual(none)
    expect(await look(flags)).toEqual(none)
    const { fingerprint } = (await open(flags)).status()
    expect(await look(flags)).toEqual({ ...none, certificate: fingerprint })
  })
})

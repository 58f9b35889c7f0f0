import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../app/config.ts'
import { openFolderKeys } from '../../app/keys.ts'
import { checkDoors } from './doors.ts'

let root = ''
/** Key ids in the folder that has keys. */
const ids = { writer: '', local: '', reader: '', revoked: '' }
let stranger: Server
let port: number

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-doors-'))
  const { keys, close } = await openFolderKeys(join(root, 'keys'), { mayMake: true })
  ids.writer = (await keys.create({ role: 'write' }, 'test')).info.id
  ids.local = (await keys.create({ role: 'write', addresses: ['10.0.0.0/8'] }, 'test')).info.id
  ids.reader = (await keys.create({ role: 'read' }, 'test')).info.id
  ids.revoked = (await keys.create({ role: 'write' }, 'test')).info.id
  await keys.revoke(ids.revoked)
  await close()
  stranger = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => stranger.once('listening', resolve))
  port = (stranger.address() as AddressInfo).port
})
afterAll(() => {
  stranger.close()
  rmSync(root, { recursive: true })
})

/** Of one door; those that a case does not name are off, but that of livelog. */
async function found(subject: string, settings: Record<string, string>, folder = 'empty') {
  const off = {
    TAILRACE_FORWARD: 'off',
    TAILRACE_SYSLOG: 'off',
    TAILRACE_LIVESTREAM_PUT: 'off',
    TAILRACE_LIVESTREAM_GET: 'off',
  }
  const config = loadConfig({ cwd: root, env: { ...off, TAILRACE_DATA: join(root, folder), ...settings } })
  const { state, text, hint } =
    (await checkDoors(config, Date.now())).find((finding) => finding.subject === subject) ?? expect.unreachable()
  return [state, hint === undefined ? text : `${text}; ${hint}`]
}

type Case = [
  what: string,
  subject: string,
  settings: () => Record<string, string>,
  state: string,
  text: RegExp,
  folder?: string,
]
const ANY = 'tcp://127.0.0.1:0'
test.each<Case>([
  ['is off', 'forward', () => ({}), 'ok', /^off$/],
  ['is open', 'forward', () => ({ TAILRACE_FORWARD: ANY }), 'ok', /^tcp:.*: open, since there are no keys$/],
  [
    'takes a shared key',
    'forward',
    () => ({ TAILRACE_FORWARD: `${ANY},unix:///run/x.sock`, TAILRACE_FORWARD_SHARED_KEY: 'k' }),
    'ok',
    /, unix:.*: takes the shared key$/,
  ],
  ['takes keys', 'forward', () => ({ TAILRACE_FORWARD: ANY }), 'ok', /: takes keys$/, 'keys'],
  [
    'is open to the world',
    'forward',
    () => ({ TAILRACE_FORWARD: 'tcp://0.0.0.0:0' }),
    'wrong',
    /neither a shared key nor a key.*; Set forwardSharedKey/,
  ],
  [
    'takes keys of others',
    'forward',
    () => ({ TAILRACE_FORWARD: 'tcp://0.0.0.0:0' }),
    'ok',
    /\(others can reach it\): takes keys/,
    'keys',
  ],
  ['wants TLS', 'forward', () => ({ TAILRACE_FORWARD: 'tls://127.0.0.1:0' }), 'wrong', /TLS is off/],
  [
    'has no address',
    'forward',
    () => ({ TAILRACE_FORWARD: `tcp://127.0.0.1:${port}` }),
    'wrong',
    /is taken by .*; A server with these settings does not start/,
  ],
  ['is off', 'syslog', () => ({}), 'ok', /^off$/],
  [
    'is said from where',
    'syslog',
    () => ({ TAILRACE_SYSLOG: 'udp://0.0.0.0:0', TAILRACE_SYSLOG_ALLOW: '10.0.0.0/8' }),
    'ok',
    /taken from 10\.0\.0\.0\/8$/,
  ],
  ['is not said from where', 'syslog', () => ({ TAILRACE_SYSLOG: 'udp://0.0.0.0:0' }), 'wrong', /it is not said who/],
  [
    'has a key',
    'syslog',
    () => ({ TAILRACE_SYSLOG: ANY, TAILRACE_SYSLOG_KEY: ids.writer }),
    'ok',
    /taken for key/,
    'keys',
  ],
  [
    'has a key with ranges',
    'syslog',
    () => ({ TAILRACE_SYSLOG: 'tcp://0.0.0.0:0', TAILRACE_SYSLOG_KEY: ids.local }),
    'ok',
    /taken for key/,
    'keys',
  ],
  [
    'has a key that reads',
    'syslog',
    () => ({ TAILRACE_SYSLOG: ANY, TAILRACE_SYSLOG_KEY: ids.reader }),
    'wrong',
    /no such key that may write/,
    'keys',
  ],
  [
    'has a key that is over',
    'syslog',
    () => ({ TAILRACE_SYSLOG: ANY, TAILRACE_SYSLOG_KEY: ids.revoked }),
    'wrong',
    /no such key that may write/,
    'keys',
  ],
  ['is off', 'livelog', () => ({}), 'ok', /^off$/],
  [
    'has a token',
    'livelog',
    () => ({ TAILRACE_LIVESTREAM_PUT: ANY, TAILRACE_LIVESTREAM_GET: 'tcp://0.0.0.0:0', ACCESS_TOKEN: 't' }),
    'ok',
    /read with the token$/,
  ],
  [
    'is open to the world',
    'livelog',
    () => ({ TAILRACE_LIVESTREAM_GET: 'tcp://0.0.0.0:0' }),
    'wrong',
    /neither a token nor a key/,
  ],
  ['takes keys', 'livelog', () => ({ TAILRACE_LIVESTREAM_GET: ANY }), 'ok', /read with keys$/, 'keys'],
])('what %s: %s', async (_what, subject, settings, state, text, folder) => {
  expect(await found(subject, settings(), folder)).toEqual([state, expect.stringMatching(text)])
})

test('a default address that somebody else has is left out by a server', async () => {
  const config = loadConfig({ cwd: root, env: { TAILRACE_DATA: join(root, 'empty') } })
  const settings = { ...config, forward: `tcp://127.0.0.1:${port}` }
  const [forward] = await checkDoors(settings, Date.now())
  expect(forward).toMatchObject({ state: 'warn', hint: expect.stringContaining('starts without it') })
})

test('of the server that runs: its own addresses are no obstacle', async () => {
  const config = loadConfig({ cwd: root, env: { TAILRACE_DATA: join(root, 'empty'), TAILRACE_PORT: String(port) } })
  const [forward] = await checkDoors({ ...config, forward: `tcp://127.0.0.1:${port}` }, Date.now())
  // Who has an address is told by Linux alone.
  expect(forward?.state).toBe(process.platform === 'linux' ? 'ok' : 'warn')
})

test('keys that cannot be read are told elsewhere', async () => {
  writeFileSync(join(root, 'keys.json'), '{')
  expect(await checkDoors(loadConfig({ cwd: root, env: { TAILRACE_DATA: root } }), Date.now())).toEqual([])
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from './config.ts'
import { settingEntries } from './settings.ts'

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tailrace-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const yaml = (text: string) => writeFileSync(join(cwd, 'tailrace.yaml'), text)

test('defaults need no file', () => {
  const config = loadConfig({ cwd, env: {} })
  expect(config).toMatchObject({ port: 7575, host: '127.0.0.1', store: 'embedded', configFile: null, warnings: [] })
  expect(config.data).toBe(join(cwd, 'tailrace-data'))
  expect(config.retention).toEqual({ age: 30 * 86_400_000, rules: [], diskBytes: 0 })
})

test('file, variable and flag override each other in this order', () => {
  yaml('port: 1\nspool:\n  bytesMax: 1GiB\n  flushDelay: 20ms\nretention:\n  age: 7d\n')
  const env = { TAILRACE_PORT: '2', TAILRACE_SPOOL_BYTES_MAX: '2GiB' }
  const config = loadConfig({ cwd, env, flags: { port: '3' } })
  expect(config.port).toBe(3)
  expect(config.spool).toMatchObject({ bytesMax: 2 * 2 ** 30, flushDelay: 20 })
  expect(config.retention.age).toBe(7 * 86_400_000)
  expect(config.configFile).toBe(join(cwd, 'tailrace.yaml'))
})

describe('mistakes are named, all at once', () => {
  const cases: [
    name: string,
    file: string,
    env: Record<string, string>,
    flags: Record<string, string>,
    texts: string[],
  ][] = [
    ['unknown key', 'prot: 1', {}, {}, ['prot is not a setting; did you mean port?']],
    [
      'unknown nested key',
      'spool:\n  byteMax: 1',
      {},
      {},
      ['spool.byteMax is not a setting; did you mean spool.bytesMax?'],
    ],
    ['a section that is a value', 'spool: 5', {}, {}, ['spool is not a setting']],
    ['unknown flag', '', {}, { prt: '1' }, ['flag --prt is not known; did you mean port?']],
    [
      'wrong kinds',
      'port: many\nretention:\n  age: soon',
      {},
      {},
      ['"many" is not a whole number', '"soon" is not a duration'],
    ],
    ['out of bounds', 'port: 70000', {}, {}, ['port must be <= 65535']],
    [
      'a choice that is none',
      'logLevel: wran',
      {},
      { tls: 'self-signd' },
      [
        'logLevel: "wran" is not debug, info, warn, error or silent; did you mean warn?',
        'flag --tls: "self-signd" is not off, self-signed or files; did you mean self-signed?',
      ],
    ],
    ['a choice of another kind', 'tls: true', {}, {}, ['tls: true is not off, self-signed or files']],
    ['broken file', 'port: [1', {}, {}, ['tailrace.yaml']],
    ['not settings', '- 1', {}, {}, ['expected settings such as']],
    ['a store that is none', '', {}, { store: 'postgres://x' }, ['neither "embedded" nor']],
    ['memory with a store', '', {}, { storage: 'memory', store: 'http://x' }, ['memory uses no store']],
    [
      'memory with rules of retention',
      'storage: memory',
      {},
      { 'retention-rules': 'level:debug=>1d' },
      ['memory takes no retention.rules'],
    ],
    ['a size that is none', '', { TAILRACE_SPOOL_BYTES_MAX: 'big' }, {}, ['is not a size such as 64MiB']],
    ['a listener that is none', '', {}, { logd: '127.0.0.1:6102' }, ['neither off nor an address']],
    ['a listener of another protocol', '', {}, { logd: 'tcp://127.0.0.1:1' }, ['neither off nor an address']],
    ['what is neither true nor false', 'logdInsecure: maybe', {}, {}, ['"maybe" is not true or false']],
    ['an address that is none', 'forward: [tcp://127.0.0.1:1, udp://127.0.0.1:2]', {}, {}, ['is neither off nor']],
    ['addresses that are none', 'forward: [1]', {}, {}, ['[1] is not a text']],
    ['permissions that are none', '', {}, { 'forward-unix-mode': '0888' }, ['forwardUnixMode']],
    ['a ring without size', '', {}, { rings: '/a' }, ['is not a map of sizes']],
    ['a ring of a size that is none', 'rings:\n  /a: big', {}, {}, ['is not a map of sizes']],
    ['rings that are no map', 'rings: 5', {}, {}, ['is not a map of sizes']],
    ['a ring that is too small', 'rings:\n  /a: 5', {}, {}, ['must be >= 4096']],
    ['a ring that is too large', 'rings:\n  /a: 33MiB', {}, {}, ['rings /a is larger than half']],
    ['a missing file that was asked for', '', {}, { config: 'other.yaml' }, ['other.yaml cannot be read']],
  ]
  test.each(cases)('%s', (_name, file, env, flags, texts) => {
    yaml(file)
    expect.assertions(texts.length)
    try {
      loadConfig({ cwd, env, flags })
    } catch (error) {
      for (const text of texts) expect((error as Error).message).toContain(text)
    }
  })
})

test('sizes by name, in the file and as one text', () => {
  yaml('rings:\n  /prod/app: 16MiB\n  "a=b": 8192\n')
  expect(loadConfig({ cwd, env: {} }).rings).toEqual({ '/prod/app': 16 * 2 ** 20, 'a=b': 8192 })
  const env = { TAILRACE_RINGS: '/x=1MiB, a=b=2MiB,=4KiB' }
  expect(loadConfig({ cwd, env }).rings).toEqual({ '/x': 2 ** 20, 'a=b': 2 ** 21, '': 4096 })
  expect(loadConfig({ cwd, env, flags: { rings: '' } }).rings).toEqual({})
})

test('several addresses: as a list in the file, or with commas', () => {
  yaml('forward:\n  - tcp://127.0.0.1:1\n  - unix:///run/f.sock\n')
  expect(loadConfig({ cwd, env: {} }).forward).toBe('tcp://127.0.0.1:1,unix:///run/f.sock')
  expect(loadConfig({ cwd, env: { TAILRACE_FORWARD: 'tls://[::]:1, off' }, flags: { forward: 'off' } }).forward).toBe(
    'off',
  )
})

test('truth in the file, in a variable and in a flag', () => {
  expect(loadConfig({ cwd, env: {} }).logdInsecure).toBe(false)
  yaml('logdInsecure: true\n')
  expect(loadConfig({ cwd, env: {} }).logdInsecure).toBe(true)
  expect(loadConfig({ cwd, env: { TAILRACE_LOGD_INSECURE: 'false' } }).logdInsecure).toBe(false)
  expect(loadConfig({ cwd, env: {}, flags: { 'logd-insecure': 'true' } }).logdInsecure).toBe(true)
})

test('logd’s own variables come after the file and before ours', () => {
  yaml('logdReadSecret: file\nlogdWriteSecret: file\n')
  const env = { LOGD_READ_SECRET: 'theirs', LOGD_WRITE_SECRET: '', TAILRACE_LOGD_READ_SECRET: 'ours' }
  expect(loadConfig({ cwd, env })).toMatchObject({ logdReadSecret: 'ours', logdWriteSecret: '' })
  expect(loadConfig({ cwd, env: { LOGD_READ_SECRET: 'theirs' } }).logdReadSecret).toBe('theirs')
})

test('what was asked for is known, even if it is the default', () => {
  yaml('logd: off\n')
  expect([...loadConfig({ cwd, env: { TAILRACE_PORT: '7575' } }).given]).toEqual(['logd', 'port'])
})

test('a choice that is none is told once', () => {
  const detail = expect.stringMatching(/^flag --tls: [^\n]+$/) as string
  expect(() => loadConfig({ cwd, env: {}, flags: { tls: 'self-signd' } })).toThrow(
    expect.objectContaining({ detail }) as Error,
  )
})

test.each([
  [{}, 0],
  [{ host: '0.0.0.0' }, 1],
  [{ host: 'logs.example' }, 1],
  [{ host: '0.0.0.0', tls: 'self-signed' }, 0],
  [{ host: '::', 'tls-cert': 'c.pem', 'tls-key': 'k.pem' }, 0],
])('keys that would travel in clear are a warning: %j', (flags, count) => {
  const { warnings } = loadConfig({ cwd, env: {}, flags })
  expect(warnings).toHaveLength(count)
  expect(warnings.filter((warning) => !warning.includes('in clear'))).toEqual([])
})

test('an unknown variable is a warning, what clients read is not', () => {
  const env = { TAILRACE_PROT: '1', TAILRACE_URL: 'http://x', TAILRACE_KEY: 'k' }
  expect(loadConfig({ cwd, env }).warnings).toEqual([
    'variable TAILRACE_PROT is not a setting; did you mean TAILRACE_PORT?',
  ])
})

test('every setting has a flag, a variable and a meaning of its own', () => {
  const entries = settingEntries()
  for (const key of ['path', 'flag', 'variable'] as const) {
    expect(new Set(entries.map((entry) => entry[key])).size).toBe(entries.length)
  }
  expect(entries.filter((entry) => entry.description === '')).toEqual([])
})

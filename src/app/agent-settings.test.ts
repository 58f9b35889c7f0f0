import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AppError } from '../core/errors.ts'
import { DEFAULT_PATHS, loadAgentSettings, type AgentInput, type AgentSettings } from './agent-settings.ts'

interface Wish extends Partial<Omit<AgentInput, 'cwd'>> {
  /** Text of tailrace.yaml. */
  file?: string
}

function load({ file, ...input }: Wish = {}): AgentSettings & { folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-agent-settings-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  if (file !== undefined) writeFileSync(join(folder, 'tailrace.yaml'), file)
  const nothing = { given: {}, paths: [], hasStdin: false, env: {} }
  return { ...loadAgentSettings({ ...nothing, ...input, cwd: folder }), folder }
}

/** What is wrong, without the folder. */
function problemsOf(wish: Wish): string[] {
  try {
    load(wish)
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    return ((error as AppError).problems as string[]).map((text) => text.replaceAll(/\/\S*\/(?=tailrace)/g, ''))
  }
  return []
}

test('without anything: the logs of the system, a folder here, this machine', () => {
  const { folder, ...settings } = load()
  expect(settings).toMatchObject({
    url: [],
    state: join(folder, 'tailrace-agent'),
    host: hostname(),
    paths: DEFAULT_PATHS.map((path) => ({ path, exclude: [] })),
    exec: [],
    syslog: [],
    gzip: 'auto',
    service: 'agent',
    lineBytesMax: 1024 ** 2,
    failoverAfter: 10_000,
    doubtWait: 60_000,
    syslogTimeZone: 'local',
    warnings: [],
  })
})

test('flags win over variables, variables over the file', () => {
  const file = `
port: 1
agent:
  state: of-the-file
  host: of-the-file
  gzip: on
  linger: 1s
  url: http://file:1
  paths: [a.log, { path: 'b/*.log', service: shop, timeZone: Europe/Berlin }]
`
  const env = {
    TAILRACE_AGENT_STATE: '/of/a/variable',
    TAILRACE_AGENT_HOST: 'of-a-variable',
    TAILRACE_AGENT_FAILOVER_AFTER: '2m',
    TAILRACE_AGENT_DELIVERY_BYTES: '1MiB',
    TAILRACE_PORT: '7',
  }
  const { folder, ...settings } = load({ file, env, given: { host: 'of-a-flag', gzip: undefined } })
  expect(settings).toMatchObject({
    state: '/of/a/variable',
    host: 'of-a-flag',
    gzip: 'on',
    linger: 1000,
    failoverAfter: 120_000,
    deliveryBytes: 1024 ** 2,
    url: ['http://file:1'],
    paths: [
      { path: join(folder, 'a.log') },
      { path: join(folder, 'b/*.log'), service: 'shop', timeZone: 'Europe/Berlin' },
    ],
  })
  expect(load({ file, paths: ['/x/*.log'] }).paths).toEqual([{ path: '/x/*.log', exclude: [] }])
})

test('other inputs: files only where they are asked for', () => {
  expect(load({ hasStdin: true }).paths).toEqual([])
  expect(load({ given: { syslog: ['udp://127.0.0.1:5514'] } })).toMatchObject({
    paths: [],
    syslog: ['udp://127.0.0.1:5514'],
  })
  expect(load({ hasStdin: true, file: 'agent: { paths: [/x.log] }' }).paths).toHaveLength(1)
  const file = `
agent:
  exec:
    - journalctl -f -o json, and a comma
    - { command: dmesg -w, service: kernel }
  syslog: 'tcp://127.0.0.1:1, unix:///run/x.sock'
`
  expect(load({ file })).toMatchObject({
    exec: [{ command: 'journalctl -f -o json, and a comma' }, { command: 'dmesg -w', service: 'kernel' }],
    syslog: ['tcp://127.0.0.1:1', 'unix:///run/x.sock'],
    paths: [],
  })
})

test('a variable that is none is told', () => {
  expect(load({ env: { TAILRACE_AGENT_LINGR: '1s' } }).warnings).toEqual([
    'variable TAILRACE_AGENT_LINGR is not a setting; did you mean TAILRACE_AGENT_LINGER?',
  ])
})

const inFile = (text: string): Wish => ({ file: `# first line\nagent:\n  ${text}\n` })

test.each<[string, Wish, string]>([
  ['an unknown name', inFile('lingr: 5s'), 'tailrace.yaml:3: agent.lingr is not a setting; did you mean linger?'],
  [
    'a wrong unit',
    inFile('linger: 5 parsecs'),
    'tailrace.yaml:3: agent.linger: "5 parsecs" is not a duration such as 5s',
  ],
  ['no size', inFile('spoolBytesMax: lots'), 'tailrace.yaml:3: agent.spoolBytesMax: "lots" is not a size such as 4MiB'],
  ['too small', inFile('deliveryBytes: 1KiB'), 'tailrace.yaml:3: agent.deliveryBytes: must be >= 65536'],
  ['too large', inFile('lineBytesMax: 1GiB'), 'tailrace.yaml:3: agent.lineBytesMax: must be <= 16777216'],
  ['no choice', inFile('gzip: maybe'), 'tailrace.yaml:3: agent.gzip: "maybe" is not auto, on or off'],
  ['no text', inFile('host: 7'), 'tailrace.yaml:3: agent.host: 7 is not a text'],
  ['no list', inFile('url: { a: 1 }'), 'tailrace.yaml:3: agent.url: {"a":1} is not a list'],
  ['empty paths', inFile('paths: []'), 'tailrace.yaml:3: agent.paths: is empty, and there is no other input'],
  ['no section', { file: 'agent: [1]' }, 'tailrace.yaml:1: agent is a section of settings'],
  ['another section', { file: 'x: 1\nagnet: {}' }, 'tailrace.yaml:2: agnet is not a section; did you mean agent?'],
  [
    'a name of a path',
    inFile('paths:\n    - /a.log\n    - path: /b.log\n      formt: json'),
    'tailrace.yaml:6: agent.paths[2].formt: is not a setting here; did you mean format?',
  ],
  [
    'a format',
    inFile('paths: [{ path: /a, format: xml }]'),
    'tailrace.yaml:3: agent.paths[1]: /a: "xml" is no format: one of',
  ],
  ['a time zone', inFile('paths: [{ path: /a, timeZone: Mars/Olympus }]'), 'tailrace.yaml:3: agent.paths[1]: /a: '],
  [
    'a regular expression',
    inFile("paths: [{ path: /a, multiline: '(' }]"),
    'tailrace.yaml:3: agent.paths[1]: /a: Invalid regular expression: /(/: Unterminated group',
  ],
  ['a path of no kind', inFile('paths: [7]'), 'tailrace.yaml:3: agent.paths[1]: 7 is not a path'],
  [
    'a start',
    inFile('paths: [{ path: /a, startAt: middle }]'),
    'tailrace.yaml:3: agent.paths[1].startAt: "middle" is not allowed: it must',
  ],
  ['a folder', { paths: ['/tmp'] }, 'paths: /tmp is a folder: write /tmp/*.log, or /tmp/**/*.log for all below it'],
  ['no command', inFile('exec: [{ comand: x }]'), 'tailrace.yaml:3: agent.exec[1].comand: is not a setting here'],
  ['syslog of no kind', { given: { syslog: ['5514'] } }, 'syslog "5514" is neither off nor addresses'],
  ['syslog over TLS', { given: { syslog: ['tls://127.0.0.1:6514'] } }, 'syslog tls://127.0.0.1:6514: only a server'],
  ['syslog of others', { given: { syslog: ['udp://0.0.0.0:514'] } }, 'syslog udp://0.0.0.0:514: others can reach it'],
  ['ranges', { given: { syslog: ['udp://127.0.0.1:1'], syslogAllow: 'me' } }, 'syslogAllow "me" is neither'],
  ['broken YAML', { file: 'agent: {' }, 'tailrace.yaml: Flow map in block collection must be sufficiently indented'],
  ['no file', { config: 'none.yaml' }, 'The file '],
  ['a variable', { env: { TAILRACE_AGENT_LINGER: 'x' } }, 'variable TAILRACE_AGENT_LINGER: "x" is not a duration'],
])('%s is a problem', (_case, wish, problem) => {
  expect(problemsOf(wish)[0]?.slice(0, problem.length)).toBe(problem)
})

test('all problems are told at once', () => {
  expect(problemsOf(inFile('lingr: 1s\n  gzip: maybe\n  paths: [7]\n  syslog: x'))).toHaveLength(4)
})

import { describe, expect, test } from 'vitest'
import type { AgentStatusText } from '../../app/agent-status.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { displayWidth } from '../terminal/width.ts'
import { agentStatusText, sortFiles } from './status-text.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 12)
const MiB = 1024 ** 2

type File = AgentStatusText['files'][number]

function file(path: string, more: Partial<File> = {}): File {
  return { path, offset: 3 * MiB, size: 3 * MiB, behindBytes: 0, state: 'live', error: null, ...more }
}

const STATUS: AgentStatusText = {
  agent: '0123456789abcdef01234567',
  version: '0.1.0',
  pid: 4711,
  host: 'web-1',
  phase: 'running',
  server: 'https://logs-a.example:7575',
  trouble: null,
  servers: [{ url: 'https://logs-a.example:7575', isCurrent: true, trouble: null }],
  delivered: 1_234_567,
  refused: 0,
  spoolBytes: 0,
  behindBytes: 0,
  residentBytes: 80 * MiB,
  openFiles: 2,
  folders: 3,
  inputs: [],
  files: [file('/var/log/a.log'), file('/var/log/b.log')],
  problems: [],
  unmatched: [],
}

const FULL: AgentStatusText = {
  ...STATUS,
  servers: [
    {
      url: 'https://logs-a.example:7575',
      isCurrent: false,
      trouble: { reason: 'The key is not valid (KEY_REFUSED)', hint: 'Make another.', since: '2026-11-21T11:59:00Z' },
    },
    {
      url: 'https://logs-b.example:7575',
      isCurrent: true,
      trouble: {
        reason: 'There is no Tailrace server at https://logs-b.example:7575: connection refused.',
        hint: 'Check the address, or name another with --url or TAILRACE_URL.',
        since: '2026-11-21T11:48:00Z',
      },
    },
  ],
  refused: 3,
  spoolBytes: 5 * MiB,
  inputs: [
    { kind: 'syslog', name: 'udp://127.0.0.1:5514', events: 1000, rejected: { overload: 12 }, note: null },
    { kind: 'exec', name: 'journalctl -f -o json', events: 7, rejected: {}, note: 'ended with 1; it is started again' },
  ],
  files: [
    ...Array.from({ length: 30 }, (_, number) => file(`/srv/log/quiet-${String(number).padStart(2, '0')}.log`)),
    file('/srv/a-very-long-folder/with-another-one/and-yet-another-one-that-is-long/production/application.log', {
      size: 500 * MiB,
      behindBytes: 497 * MiB,
    }),
    file('/srv/log/漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字.log', {
      size: 4 * MiB,
      behindBytes: MiB,
    }),
    file('/srv/log/gone.log.1', { state: 'rotated', behindBytes: 10 }),
    file('/srv/log/broken\u001b[2J.log', { error: 'EIO: input/output error, read' }),
  ],
  problems: [{ path: '/var/log/private', reason: 'EACCES: permission denied, opendir' }],
  unmatched: ['/opt/none/*.log'],
}

function textOf(status: AgentStatusText, columns?: number, isAll = false, env: Record<string, string> = {}): string {
  const { out } = memoryTerminal({ ...(columns === undefined ? {} : { columns }), env: { NO_COLOR: '1', ...env } })
  return agentStatusText(status, { colors: out.colors, columns, isAll, nowMs: NOW_MS })
}

test('an agent that is well', () => {
  expect(textOf(STATUS, 80)).toBe(
    `agent   web-1, version 0.1.0, process 4711, 80 MiB
        id 0123456789abcdef01234567
server  https://logs-a.example:7575 in use
events  1,234,567 delivered since the start
files   2 followed, 2 open

file             read     of  behind
/var/log/a.log  3 MiB  3 MiB       -
/var/log/b.log  3 MiB  3 MiB       -
`,
  )
})

describe('one with troubles', () => {
  test.each([60, 80, 120])('fits into %d columns', (columns) => {
    for (const isAll of [true, false]) {
      for (const line of textOf(FULL, columns, isAll).split('\n'))
        expect(displayWidth(line)).toBeLessThanOrEqual(columns)
    }
  })

  test('errors come first, then what is furthest behind; what is not shown is counted', () => {
    const text = textOf(FULL, 80)
    const table = text.slice(text.indexOf('\nfile ') + 1).split('\n')
    expect(table[1]).toMatch(/^\/srv\/log\/broken\\x1b\[2J\.log +3 MiB/)
    expect(table[2]).toBe('  EIO: input/output error, read')
    expect(table[3]).toMatch(/^\/srv\/a-very-long-.*….*\/production\/application\.log +3 MiB +500 MiB +497 MiB$/)
    expect(table[4]).toMatch(/^\/srv\/log\/漢字.*….*漢字\.log +3 MiB +4 MiB +1 MiB$/)
    expect(table[5]).toMatch(/^\/srv\/log\/gone\.log\.1 .* 10 B$/)
    expect(table[6]).toBe('  rotated')
    expect(table.indexOf('and 14 more, up to date (--all shows them)')).toBe(23)
    expect(textOf(FULL, 80, true)).not.toContain('more')
    expect(sortFiles(FULL.files)).toHaveLength(FULL.files.length)
  })

  test('the server that is in use says what is wrong, and what to do', () => {
    const text = textOf(FULL, 100)
    expect(text).toContain(`server  https://logs-a.example:7575 in reserve
        The key is not valid (KEY_REFUSED)
        https://logs-b.example:7575
        There is no Tailrace server at https://logs-b.example:7575: connection refused. For 12m;
        events wait.
        Check the address, or name another with --url or TAILRACE_URL.
`)
    expect(text).toContain('        3 refused, set aside in refused/\n')
    expect(text).toContain('files   34 followed, 3 behind by 498 MiB, 1 failing, 2 open\n')
    expect(text).toContain(`inputs  syslog udp://127.0.0.1:5514: 1,000 events
        not taken: 12 overload
        exec journalctl -f -o json: 7 events
        ended with 1; it is started again
spool   5 MiB wait on disk
`)
    expect(
      text.endsWith(
        '\ncannot be read\n/var/log/private\n  EACCES: permission denied, opendir\n\nselect no file\n/opt/none/*.log\n',
      ),
    ).toBe(true)
  })

  test('into a pipe: every file, whole', () => {
    const text = textOf(FULL)
    for (const { path } of FULL.files.slice(0, -1)) expect(text).toContain(path)
    expect(text).not.toContain('…')
  })

  test('colours where there are some', () => {
    expect(textOf(FULL, 80, false, { NO_COLOR: '', FORCE_COLOR: '1' })).toContain('\u001b[31mEIO')
    expect(textOf(FULL, 80)).not.toContain('\u001b')
  })
})

test('one that starts, or follows nothing', () => {
  expect(textOf({ ...STATUS, phase: 'starting', files: [] }, 80)).toContain('starting: the servers are asked')
  expect(textOf({ ...STATUS, files: [] }, 80)).toContain('\nno file is followed\n')
  expect(textOf({ ...STATUS, files: [], inputs: FULL.inputs }, 80)).not.toContain('file')
})

import { describe, expect, test } from 'vitest'
import { displayWidth } from '../terminal/width.ts'
import { keyJson } from '../testing/key-server.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'
import { age, expiry, formatKeys, sortKeys } from './table.ts'

const NOW_MS = Date.parse('2026-02-01T00:00:00Z')
const KEYS = [
  keyJson({ id: 'revoked', name: 'old', revoked: '2026-01-31T00:00:00Z' }),
  keyJson({ id: 'younger', created: '2026-01-30T12:00:00Z', role: 'admin', lastUsed: '2026-01-31T23:58:00Z' }),
  keyJson({ id: 'over', role: 'write', expires: '2026-01-31T23:00:00Z' }),
  keyJson({
    id: 'older',
    name: 'a name that is as long as people make them when nobody says no',
    filter: 'service:/ops/* level:>=warn',
    addresses: ['10.0.0.0/8', '2001:db8::/32'],
    expires: '2026-05-02T00:00:00Z',
  }),
  keyJson({ id: 'stamped', role: 'write', stamps: { service: '/ops/x', team: 'ops' } }),
]

const shown = (columns?: number, env: Record<string, string> = { NO_COLOR: '1' }) =>
  formatKeys(KEYS, NOW_MS, memoryTerminal({ env, ...(columns === undefined ? {} : { columns }) }).out)

test('in 80 columns', () => {
  expect(shown(80).split('\n')).toEqual([
    'id       name                        role   created  expires  last used  state',
    'older    a name that is as long as…  read   31d ago  in 90d   -          valid',
    '  reads service:/ops/* level:>=warn; from 10.0.0.0/8, 2001:db8::/32',
    'stamped                              write  31d ago  never    -          valid',
    '  stamps service=/ops/x team=ops',
    'younger                              admin  2d ago   never    2m ago     valid',
    'over                                 write  31d ago  1h ago   -          expired',
    'revoked  old                         read   31d ago  never    -          revoked',
    '',
  ])
})

test.each([40, 60, 80, 200])('every line fits %s columns, as far as its columns can get narrower', (columns) => {
  const widest = Math.max(...shown(columns).split('\n').map(displayWidth))
  expect(widest).toBeLessThanOrEqual(Math.max(columns, 64))
})

test('in a pipe one line each, with whole times and everything on it', () => {
  const lines = shown().trimEnd().split('\n')
  expect(lines).toHaveLength(KEYS.length + 1)
  expect(lines[1]).toMatch(
    /^older .* 2026-01-01T00:00:00.000Z +2026-05-02T00:00:00Z .* reads service:\/ops\/\* level:>=warn; from 10/,
  )
})

test('states have colours, and what is over is dim', () => {
  const text = shown(80, { FORCE_COLOR: '1' })
  for (const part of [
    '\u001b[32mvalid\u001b[39m',
    '\u001b[33mexpired\u001b[39m',
    '\u001b[31mrevoked\u001b[39m',
    '\u001b[2mover',
  ]) {
    expect(text).toContain(part)
  }
})

test('valid ones first, then the oldest', () => {
  expect(sortKeys(KEYS, NOW_MS).map(({ id }) => id)).toEqual(['older', 'stamped', 'younger', 'over', 'revoked'])
})

test('a hostile name, filter or stamp is obeyed by no terminal', () => {
  const hostile = '\u001b[2J\u202e\u009b6n\n'
  const key = keyJson({ id: 'x', name: hostile, filter: hostile, stamps: { [hostile]: hostile }, addresses: [hostile] })
  for (const columns of [undefined, 300]) {
    const { out } = memoryTerminal({ env: { NO_COLOR: '1' }, ...(columns === undefined ? {} : { columns }) })
    const text = formatKeys([key], NOW_MS, out)
    expect(text).toContain(String.raw`\x1b[2J\u202e`)
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u)
    expect(text.split('\n')).toHaveLength(columns === undefined ? 3 : 4)
  }
})

describe('times', () => {
  test.each([
    ['2026-01-31T23:59:59.500Z', 'now'],
    ['2026-01-31T23:59:30Z', '30s ago'],
    ['2026-01-31T22:29:00Z', '2h ago'],
    ['2025-02-01T00:00:00Z', '365d ago'],
    ['2026-02-01T00:00:05Z', 'now'],
  ])('%s was %s', (timestamp, expected) => expect(age(timestamp, NOW_MS)).toBe(expected))

  test.each([
    [null, 'never'],
    ['2026-05-02T00:00:00Z', 'in 90d'],
    ['2026-02-01T00:00:10Z', 'in 10s'],
    ['2026-01-31T00:00:00Z', '1d ago'],
  ])('%s expires %s', (timestamp, expected) => expect(expiry(timestamp, NOW_MS)).toBe(expected))
})

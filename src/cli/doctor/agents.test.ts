import { expect, test } from 'vitest'
import { agentFindings } from './agents.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 12)

function agent(host: string, agoSeconds: number, more: { behindBytes?: number; problems?: number } = {}) {
  const lastSeen = new Date(NOW_MS - agoSeconds * 1000).toISOString()
  return { host, lastSeen, isAway: agoSeconds > 30, behindBytes: 0, problems: 0, ...more }
}

test.each<[string, ReturnType<typeof agent>[] | undefined, string[]]>([
  ['a server that knows of none', undefined, []],
  ['none', [], []],
  ['all well', [agent('a', 1), agent('b', 2)], ['ok 2 report, all up to date']],
  ['one behind', [agent('a', 1), agent('b', 2, { behindBytes: 2048 })], ['ok 2 report, b is 2 KiB behind']],
  [
    'some away, some with files that they cannot read',
    [agent('a', 1, { problems: 1200 }), agent('b', 400_000), agent('c', 10_000), agent('d', 65)],
    [
      'ok 1 report, all up to date',
      'warn not heard of: d for 1m5s, c for 2h, b for 4d',
      'warn cannot read files or folders: a 1,200',
    ],
  ],
  [
    'many away',
    Array.from({ length: 8 }, (_, number) => agent(`h${number}`, 600 + number * 60)),
    ['warn not heard of: h0 for 10m, h1 for 11m, h2 for 12m, h3 for 13m, h4 for 14m and 3 more'],
  ],
])('%s', (_case, agents, expected) => {
  const findings = agentFindings(agents === undefined ? {} : { agents }, NOW_MS)
  expect(findings.map(({ state, text }) => `${state} ${text}`)).toEqual(expected)
})

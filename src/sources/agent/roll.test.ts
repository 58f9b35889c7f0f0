import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Logger } from '../../core/logger.ts'
import { SILENT_LOGGER } from '../../core/logger.ts'
import { Roll } from './roll.ts'

const START_MS = Date.UTC(2026, 10, 21, 12)
const DAY_MS = 86_400_000

function openRoll(dir: string | undefined, now: () => number, logger: Logger = SILENT_LOGGER): Roll {
  const roll = new Roll({ dir, agentsMax: 3, absentMsMax: 30 * DAY_MS, logger, now })
  onTestFinished(() => roll.close())
  return roll
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tailrace-roll-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function report(agent: string) {
  return { agent, host: `host-${agent}`, version: '1', files: 2, behindBytes: 10, behindSeconds: 3, problems: 0 }
}

test('an agent that is away stays on the list, over a restart of the server as well', async () => {
  const dir = folder()
  let nowMs = START_MS
  const first = openRoll(dir, () => nowMs)
  first.report(report('a'))
  first.delivered('a', 7)
  first.delivered('unknown', 7)
  expect(first.list()).toEqual([{ ...report('a'), events: 7, isAway: false, lastSeen: '2026-11-21T12:00:00.000Z' }])
  nowMs += 31_000
  expect(first.list()).toMatchObject([{ isAway: true }])
  await first.close()
  const second = openRoll(dir, () => nowMs)
  expect(second.list()).toEqual([{ ...report('a'), events: 0, isAway: true, lastSeen: '2026-11-21T12:00:00.000Z' }])
  second.report(report('a'))
  expect(second.list()).toMatchObject([{ isAway: false, lastSeen: '2026-11-21T12:00:31.000Z' }])
})

test('it is bounded: the one that was not heard of for longest makes room, and who is absent for long is struck off', async () => {
  const dir = folder()
  let nowMs = START_MS
  const roll = openRoll(dir, () => nowMs)
  for (const agent of ['a', 'b', 'c']) roll.report(report(agent))
  roll.report(report('a'))
  roll.report(report('d'))
  expect(roll.list().map(({ agent }) => agent)).toEqual(['a', 'c', 'd'])
  nowMs += 29 * DAY_MS
  roll.report(report('c'))
  nowMs += 2 * DAY_MS
  expect(roll.list().map(({ agent }) => agent)).toEqual(['c'])
  await roll.close()
  expect(JSON.parse(readFileSync(join(dir, 'agents.json'), 'utf8'))).toHaveLength(1)
})

test.each(['', '{', '{"a":1}', '[{"agent":"a"}]', '[null]'])('a damaged list is told, and begins anew: %s', (text) => {
  const dir = folder()
  writeFileSync(join(dir, 'agents.json'), text)
  const warnings: string[] = []
  const logger = { ...SILENT_LOGGER, warn: (_fields: object, said: string) => void warnings.push(said) }
  expect(openRoll(dir, () => START_MS, logger).list()).toEqual([])
  expect(warnings).toEqual(['The list of agents is damaged; it begins anew'])
})

test('without a folder it lives as long as the server', () => {
  const roll = openRoll(undefined, () => START_MS)
  roll.report(report('a'))
  expect(roll.list()).toHaveLength(1)
})

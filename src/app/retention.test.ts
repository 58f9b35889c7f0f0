import { expect, test } from 'vitest'
import type { RetentionRuleText } from '../api/context.ts'
import { StoredRules, type RuleItem } from '../saved/rules.ts'
import type { KeepRule } from '../store/retention-filters.ts'
import { createRetention, rulesInForce } from './retention.ts'

const DAY_MS = 86_400_000
const config = {
  retention: { age: 30 * DAY_MS, diskBytes: 5, rules: [{ filter: 'service:audit', age: 365 * DAY_MS }] },
}

function opened() {
  let items: readonly RuleItem[] = []
  const stored = new StoredRules({
    get items() {
      return items
    },
    change: async (edit) => {
      items = edit(items)
    },
  })
  const asked: KeepRule[][] = []
  const retention = createRetention(config, {
    stored,
    nowMs: () => DAY_MS,
    store: {
      previewRetention: (keep) => {
        asked.push([...keep])
        return Promise.resolve(
          keep.map(({ filter, ageMs }) => ({ filter, ageMs, events: 1, bytes: 2, oldest: null, newest: null })),
        )
      },
    },
  })
  return { retention, asked, inForce: rulesInForce(config, stored) }
}

const DEBUG: RetentionRuleText = { filter: 'level:debug', age: '2d' }

test('rules that were set come after those of the configuration, from then on', async () => {
  const { retention, inForce } = opened()
  const before = retention.current()
  expect(before).toMatchObject({
    ageMs: 30 * DAY_MS,
    diskBytes: 5,
    configured: [{ filter: 'service:audit', age: '365d' }],
    rules: [],
  })
  await retention.change([DEBUG], before.revision)
  expect(retention.current().rules).toEqual([DEBUG])
  expect(inForce(0).map(({ filter, ageMs }) => [filter, ageMs])).toEqual([
    ['service:audit', 365 * DAY_MS],
    ['level:debug', 2 * DAY_MS],
  ])
  await expect(retention.change([], before.revision)).rejects.toMatchObject({ code: 'SAVED_CHANGED' })
})

test('a preview is asked with all rules, and changes none', async () => {
  const { retention, asked } = opened()
  expect(await retention.preview([DEBUG], new AbortController().signal)).toMatchObject([
    { filter: 'service:audit', age: '365d', events: 1 },
    { filter: 'level:debug', age: '2d', bytes: 2 },
  ])
  expect(asked[0]?.map(({ filter }) => filter)).toEqual(['service:audit', 'level:debug'])
  expect(retention.current().rules).toEqual([])
})

test.each<[age: string, shown: string]>([
  ['2w', '14d'],
  ['1y', '365d'],
  ['0', '0'],
  ['1d2h3m', '93780000ms'],
])('an age of %s is shown as %s', async (age, shown) => {
  const { retention } = opened()
  await retention.change([{ filter: 'x', age }], retention.current().revision)
  expect(retention.current().rules).toEqual([{ filter: 'x', age: shown }])
})

test.each<[rules: RetentionRuleText[], detail: RegExp]>([
  [[{ filter: 'x', age: 'soon' }], /rules\[0\]: "soon" is not an age/],
  [[DEBUG, { filter: 'a | limit 1', age: '1d' }], /rules\[1\] "a \| limit 1": /],
  [[{ filter: '(', age: '' }], /rules\[0\]: "" is not.*rules\[0\] "\("/],
  [[{ filter: ' ', age: '1d' }], /the filter is empty/],
])('%j is refused', async (rules, detail) => {
  const { retention } = opened()
  const problem = { code: 'REQUEST_INVALID', detail: expect.stringMatching(detail) as string }
  await expect((async () => retention.change(rules, retention.current().revision))()).rejects.toMatchObject(problem)
  await expect(retention.preview(rules, new AbortController().signal)).rejects.toMatchObject(problem)
})

import { expect, test } from 'vitest'
import type { EventJson } from '../../src/core/event.ts'
import { attributesText } from './items.ts'

const EVENT: EventJson = {
  id: '1',
  timestamp: '2026-01-05T10:00:00Z',
  received: '2026-01-05T10:00:00Z',
  severity: 9,
  level: 'info',
  service: 'web',
  host: '',
  source: '',
  message: '',
  trace_id: '',
  span_id: '',
  attributes: { status: '500', user: 'ann b', note: '', path: '/a"b', 'agent.delivery': 'a/1' },
}

test.each([
  [[], 100, 'status=500 user="ann b" note="" path="/a\\"b"'],
  [['status', 'path'], 100, 'user="ann b" note=""'],
  [[], 13, 'status=500 us'],
  [[], 0, ''],
])('attributes that are no columns (%j), up to %d characters', (columns, charsMax, text) => {
  expect(attributesText(EVENT, columns, charsMax)).toBe(text)
})

test('an event without attributes, as a query with `fields` leaves it', () => {
  const { attributes: _, ...part } = EVENT
  expect(attributesText(part as EventJson, [], 100)).toBe('')
})

import { describe, expect, test } from 'vitest'
import { EventBatch, EventView, type EventInput } from '../../core/batch.ts'
import type { LogdQuery } from '../../wire/logd/message.ts'
import { eventFilter } from './filter.ts'

const attributes = new Map([
  ['http.request.method', 'GET'],
  ['url.full', '/shop/cart?x=1'],
  ['http.response.status_code', '404'],
])
const EVENT: EventInput = {
  service: '/prod/app/http',
  message: 'Not Found',
  severity: 13,
  timestampNs: 1000n,
  attributes,
}

function isSelected(query: LogdQuery, event: EventInput = EVENT, level: 'exact' | 'least' = 'exact'): boolean {
  const batch = new EventBatch()
  batch.append(event)
  return eventFilter(query, level, undefined)(new EventView().at(batch.bytes, 0))
}

describe('a filter', () => {
  test.each<[LogdQuery, boolean]>([
    [{}, true],
    [{ keyPrefix: '' }, true],
    [{ keyPrefix: '/prod/app' }, true],
    [{ keyPrefix: '/prod/app/http' }, true],
    [{ keyPrefix: '/prod/app/http/' }, false],
    [{ keyPrefix: 'prod' }, false],
    [{ startNs: 1000n, endNs: 1000n }, true],
    [{ startNs: 1001n }, false],
    [{ endNs: 999n }, false],
    [{ level: 'warn' }, true],
    [{ level: 'unknown' }, true],
    [{ level: 'info' }, false],
    [{ level: 'error' }, false],
    [{ text: 'not f' }, true],
    [{ text: 'NOT FOUND' }, true],
    [{ text: '' }, true],
    [{ text: 'cart' }, false],
    [{ httpMethod: 'GET' }, true],
    [{ httpMethod: 'METHOD_UNKNOWN' }, true],
    [{ httpMethod: 'PUT' }, false],
    [{ url: '/shop' }, true],
    [{ url: '/shop/cart?x=1' }, true],
    [{ url: 'shop' }, false],
    [{ responseStatus: 404 }, true],
    [{ responseStatus: 40 }, false],
    [{ responseStatus: 0 }, false],
    [{ keyPrefix: '/prod', level: 'warn', text: 'found', httpMethod: 'GET', url: '/', responseStatus: 404 }, true],
    [{ keyPrefix: '/prod', level: 'warn', text: 'found', httpMethod: 'GET', url: '/', responseStatus: 500 }, false],
    [{ offset: 5, limit: 1 }, true],
  ])('%o: %s', (query, expected) => expect(isSelected(query)).toBe(expected))

  test('the level of a tail is the lowest', () => {
    const levels = (['trace', 'info', 'warn', 'error'] as const).map((level) => isSelected({ level }, EVENT, 'least'))
    expect(levels).toEqual([true, true, true, false])
    expect(isSelected({ level: 'trace' }, { message: 'm', severity: 0 }, 'least')).toBe(false)
    expect(isSelected({}, { message: 'm', severity: 0 }, 'least')).toBe(true)
  })

  test('severities that logd has no name for', () => {
    expect(isSelected({ level: 'info' }, { message: 'm', severity: 10 })).toBe(true)
    expect(isSelected({ level: 'error' }, { message: 'm', severity: 19 })).toBe(true)
  })

  test('an event without attributes', () => {
    for (const query of [{ url: '/' }, { httpMethod: 'GET' as const }, { responseStatus: 404 }]) {
      expect(isSelected(query, { message: 'm' })).toBe(false)
    }
  })

  test('the server’s own key is nobody’s', () =>
    expect(isSelected({}, { message: 'kick', service: '//logd' })).toBe(false))
})

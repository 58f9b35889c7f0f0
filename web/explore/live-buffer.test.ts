import { describe, expect, test } from 'vitest'
import type { EventJson } from '../../src/core/event.ts'
import { isGap } from './items.ts'
import { LIVE_ROWS_MAX, LIVE_WAITING_MAX, LiveBuffer } from './live-buffer.ts'

const event = (id: number): EventJson => ({ id: String(id) }) as EventJson
const ids = (buffer: LiveBuffer): string[] => buffer.rows.map((row) => (isGap(row) ? `skipped ${row.skipped}` : row.id))
const fill = (buffer: LiveBuffer, from: number, count: number): void => {
  for (let id = from; id < from + count; id++) buffer.add(event(id))
}

describe('a live list', () => {
  test('shows what arrives when it is flushed', () => {
    const buffer = new LiveBuffer()
    fill(buffer, 1, 2)
    expect(buffer.rows).toEqual([])
    expect(buffer.flush()).toBe(true)
    expect(ids(buffer)).toEqual(['1', '2'])
    expect(buffer.flush()).toBe(false)
  })

  test('waits while it is paused, and counts', () => {
    const buffer = new LiveBuffer()
    buffer.isPaused = true
    fill(buffer, 1, 3)
    buffer.addGap(5)
    expect([buffer.flush(), buffer.waiting]).toEqual([false, 3])
    buffer.isPaused = false
    buffer.flush()
    expect(ids(buffer)).toEqual(['1', '2', '3', 'skipped 5'])
    expect(buffer.waiting).toBe(0)
  })

  test('is bounded, however much arrives', () => {
    const buffer = new LiveBuffer()
    for (let round = 0; round < 50; round++) {
      fill(buffer, round * 1000, 1000)
      buffer.flush()
      expect(buffer.rows.length).toBeLessThanOrEqual(LIVE_ROWS_MAX + 1000)
    }
    expect(ids(buffer).at(-1)).toBe('49999')
  })

  test('says what did not fit while it was paused', () => {
    const buffer = new LiveBuffer()
    fill(buffer, 0, 1)
    buffer.flush()
    buffer.isPaused = true
    fill(buffer, 1, LIVE_WAITING_MAX * 3)
    expect(buffer.waiting).toBe(LIVE_WAITING_MAX * 3)
    buffer.isPaused = false
    buffer.flush()
    const gap = buffer.rows.find(isGap)
    const shown = buffer.rows.filter((row) => !isGap(row))
    expect((gap?.skipped ?? 0) + shown.length - 1).toBe(LIVE_WAITING_MAX * 3)
    expect(ids(buffer).at(-1)).toBe(String(LIVE_WAITING_MAX * 3))
  })
})

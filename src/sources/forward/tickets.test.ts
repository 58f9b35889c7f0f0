import { beforeEach, expect, test } from 'vitest'
import { ChunkMemory } from './tickets.ts'

const CHUNKS_MAX = 3
const KEEP_MS = 1000

let nowMs = 0
let memory: ChunkMemory
beforeEach(() => {
  nowMs = 0
  memory = new ChunkMemory({ chunksMax: CHUNKS_MAX, keepMs: KEEP_MS, nowMs: () => nowMs })
})

const message = Buffer.from('message')
const take = (chunk: string, bytes = message, sender = 'key') => memory.of(sender, chunk, bytes)
const isNew = (chunk: string): boolean => take(chunk).isNew

test('a chunk is known by its sender, its id and its bytes', () => {
  const { ticket } = take('a')
  expect(take('a')).toEqual({ ticket, isNew: false })
  expect(take('a', Buffer.from('massage')).isNew).toBe(true)
  expect(take('a', message, 'other').isNew).toBe(true)
})

test('the oldest is forgotten for one too many, however often others come again', () => {
  for (const chunk of ['a', 'b', 'c', 'c', 'b']) take(chunk)
  take('d')
  expect(['b', 'c', 'd'].map(isNew)).toEqual([false, false, false])
  expect(isNew('a')).toBe(true)
})

test('what was refused is taken when it comes again, and is then remembered as long as any', () => {
  take('a').ticket.end(false)
  const again = take('a')
  expect(again.isNew).toBe(true)
  again.ticket.end(true)
  // The place of the one that was refused is given to another: that says nothing of the one that was taken.
  take('b')
  take('c')
  expect(isNew('a')).toBe(false)
  take('d')
  expect(isNew('a')).toBe(true)
})

test('what is too old is taken again', () => {
  take('a')
  nowMs = KEEP_MS
  expect(isNew('a')).toBe(false)
  nowMs = KEEP_MS + 1
  expect(isNew('a')).toBe(true)
  take('b')
  take('c')
  expect(isNew('a')).toBe(false)
})

test('far more chunks than are remembered', () => {
  for (let n = 0; n < 1000; n++) take(`chunk ${n}`)
  expect([997, 998, 999].map((n) => isNew(`chunk ${n}`))).toEqual([false, false, false])
  expect(isNew('chunk 996')).toBe(true)
})

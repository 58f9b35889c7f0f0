import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SignatureMemory } from './signature-memory.ts'

const START_MS = 1_700_000_000_000
const KEEP_MS = 1000

/** Signature number n, somewhere within a packet; some of them differ in the last byte only. */
function packetOf(n: number): Buffer {
  const packet = Buffer.alloc(64, 7)
  packet.writeInt32LE(Math.imul(n >> 2, 0x9e3779b1), 10)
  packet[10 + 31] = n & 3
  return packet
}

function open(left = 1e9): { memory: SignatureMemory; budget: { left: number } } {
  const budget = { left }
  return { memory: new SignatureMemory({ keepMs: KEEP_MS, budget, startMs: START_MS }), budget }
}

/** Packets of different times: a signature bears its time, so `n` and its time belong together. */
const steps = fc.array(
  fc.record({
    n: fc.nat(40),
    /** How far the clock moves before; it may be set back. */
    passMs: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: -400, max: 1500 })),
  }),
  { minLength: 1, maxLength: 200 },
)

describe('what was seen', () => {
  test('is never taken twice, and nothing that is recent enough is refused', () => {
    const offsets = fc.array(fc.integer({ min: -300, max: 300 }), { minLength: 41, maxLength: 41 })
    fc.assert(
      fc.property(steps, offsets, (all, offsets) => {
        const { memory } = open()
        const taken = new Set<number>()
        let nowMs = START_MS + 400
        let latestMs = nowMs
        for (const { n, passMs } of all) {
          nowMs += passMs
          latestMs = Math.max(latestMs, nowMs)
          const timeMs = START_MS + 2000 + (offsets[n] ?? 0) * 10
          const answer = memory.add(packetOf(n), 10, timeMs, nowMs)
          if (timeMs >= latestMs - KEEP_MS && timeMs >= START_MS) expect(answer).toBe(taken.has(n) ? 'replay' : 'new')
          if (answer === 'new') {
            expect(taken.has(n)).toBe(false)
            taken.add(n)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('is not taken for anything else: a hundred thousand signatures', () => {
    const { memory, budget } = open()
    const answers = (): string[] =>
      Array.from({ length: 100_000 }, (_, n) => memory.add(packetOf(n), 10, START_MS + (n % 200), START_MS))
    expect(new Set(answers())).toEqual(new Set(['new']))
    expect(new Set(answers())).toEqual(new Set(['replay']))
    expect(budget.left).toBe(1e9 - 100_000)
  })

  test('is given back when it is too old, and then nothing of that time is taken', () => {
    const { memory, budget } = open(10)
    for (let n = 0; n < 10; n++) expect(memory.add(packetOf(n), 10, START_MS, START_MS)).toBe('new')
    expect(memory.add(packetOf(10), 10, START_MS, START_MS)).toBe('full')
    expect(memory.add(packetOf(3), 10, START_MS, START_MS)).toBe('replay')
    const laterMs = START_MS + KEEP_MS + 300
    expect(memory.add(packetOf(10), 10, laterMs, laterMs)).toBe('new')
    expect(budget.left).toBe(9)
    for (const nowMs of [laterMs, START_MS]) {
      expect(memory.add(packetOf(3), 10, START_MS, nowMs)).toBe('forgotten')
      expect(memory.add(packetOf(11), 10, START_MS, nowMs)).toBe('forgotten')
    }
  })

  test('before the start is not known, so nothing of that time is taken', () => {
    const { memory } = open()
    expect(memory.add(packetOf(1), 10, START_MS - 1, START_MS)).toBe('forgotten')
    expect(memory.add(packetOf(1), 10, START_MS, START_MS)).toBe('new')
  })
})

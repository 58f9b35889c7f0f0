import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type LogdMessage } from '../../wire/logd/message.ts'
import { fittedMessage } from './answer.ts'

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.string({ maxLength: 3000, minLength: 500 }))
const message: fc.Arbitrary<LogdMessage> = fc.record(
  {
    timeNs: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    level: fc.constantFrom('unknown', 'fatal' as const),
    text,
    key: fc.string({ maxLength: 40 }),
    stackTrace: text,
    url: text,
    responseStatus: fc.integer(),
  },
  { requiredKeys: ['level', 'text', 'key'], noNullPrototype: true },
)

test('a message that fits is as it is, another one fits afterwards and says what is missing', () => {
  fc.assert(
    fc.property(message, fc.integer({ min: 300, max: 2000 }), (all, bytesMax) => {
      const bytes = fittedMessage(all, bytesMax)
      expect(bytes.length).toBeLessThanOrEqual(bytesMax)
      const shown = decodeMessage(bytes)
      if (encodeMessage(all).length <= bytesMax) expect(shown).toEqual(all)
      for (const field of ['text', 'stackTrace', 'url', 'key'] as const) {
        const whole = Buffer.from(all[field] ?? '')
        const cut = /^(.*)… \[(\d+) bytes cut\]$/s.exec(shown?.[field] ?? '')
        if (!cut) expect(shown?.[field]).toEqual(all[field])
        else {
          const kept = Buffer.from(cut[1] ?? '')
          expect(kept).toEqual(whole.subarray(0, kept.length))
          expect(kept.length + Number(cut[2])).toBe(whole.length)
        }
      }
    }),
    { numRuns: 1000 },
  )
})

test('the longest goes first', () => {
  const all: LogdMessage = { level: 'info', key: '/a', text: 'short', stackTrace: 'x'.repeat(5000), url: '/u' }
  const shown = decodeMessage(fittedMessage(all, 1460))
  expect(shown).toMatchObject({
    text: 'short',
    url: '/u',
    stackTrace: expect.stringMatching(/^x{1300,}… \[\d+ bytes cut\]$/) as string,
  })
})

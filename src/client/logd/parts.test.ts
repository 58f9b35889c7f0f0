import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCommand, type LogdMessage } from '../../wire/logd/message.ts'
import { PARTS_MAX, payloadsOf } from './parts.ts'

const BYTES_MAX = 300
const plain: LogdMessage = { timeNs: 1_700_000_000_123_456_789n, level: 'error', key: '/test/app', text: 'short' }

function partsOf(message: LogdMessage, bytesMax = BYTES_MAX): LogdMessage[] {
  return payloadsOf(message, bytesMax).map((payload) => {
    expect(payload.length).toBeLessThanOrEqual(bytesMax)
    return decodeCommand(payload)?.message ?? plain
  })
}

const label = /^\[(\d+)\/(\d+)\] /
const textOf = (parts: LogdMessage[]) => parts.map(({ text }) => text.replace(label, '')).join('')
const stackOf = (parts: LogdMessage[]) => parts.map(({ stackTrace = '' }) => stackTrace).join('')

describe('a message that does not fit', () => {
  test('but what fits is one, as it is', () => {
    expect(partsOf(plain)).toEqual([plain])
    expect(partsOf({ ...plain, stackTrace: 'at x', url: '/a', httpMethod: 'GET', responseStatus: 200 })).toHaveLength(1)
  })

  test('whatever is in it, the parts are numbered, fit, and make up the whole', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((part) => part.repeat(60))
    fc.assert(
      fc.property(text, fc.option(text, { nil: '' }), fc.integer({ min: 600, max: 1400 }), (text, stackTrace, max) => {
        const message = { ...plain, httpMethod: 'PUT' as const, url: '/x', responseStatus: 500, text, stackTrace }
        const parts = partsOf(message, max)
        fc.pre(parts.length > 1)
        expect(parts.map((part) => label.exec(part.text)?.slice(1).map(Number))).toEqual(
          parts.map((_, index) => [index + 1, parts.length]),
        )
        expect(textOf(parts)).toBe(text)
        expect(stackOf(parts)).toBe(stackTrace)
        for (const [index, part] of parts.entries()) {
          expect(part).toMatchObject({ level: 'error', key: '/test/app', httpMethod: 'PUT', url: '/x' })
          expect(part.timeNs).toBe(1_700_000_000_123_456_789n + BigInt(index))
        }
      }),
    )
  })

  test('what is beyond all parts is cut, and its end says so', () => {
    const parts = partsOf({ ...plain, text: 'ä'.repeat(100_000), stackTrace: 's'.repeat(100_000) })
    expect(parts.length).toBeLessThanOrEqual(PARTS_MAX)
    const [, kept = '', cut] = /^(ä+)… \[(\d+) bytes cut\]$/.exec(textOf(parts)) ?? []
    expect(kept.length * 2 + Number(cut)).toBe(200_000)
    expect(stackOf(parts)).toMatch(/^s+… \[\d+ bytes cut\]$/)
  })

  test('a URL that leaves no room is cut', () => {
    const parts = partsOf({ ...plain, text: 't'.repeat(500), url: `/${'u'.repeat(2000)}` }, 600)
    expect(textOf(parts)).toBe('t'.repeat(500))
    expect(parts[0]?.url).toMatch(/^\/u+… \[\d+ bytes cut\]$/)
  })

  test('a key that leaves no room is not sent', () => {
    expect(partsOf({ ...plain, key: `/${'k'.repeat(BYTES_MAX)}` })).toEqual([])
  })
})

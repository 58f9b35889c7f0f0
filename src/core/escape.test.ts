import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeJson, escapeLines, escapeText } from './escape.ts'

test.each([
  ['plain', 'plain'],
  ['grüße 漢字 👩‍👩‍👧 नमस्ते عربي', 'grüße 漢字 👩‍👩‍👧 नमस्ते عربي'],
  ['\u001b[31mred\u001b[0m', String.raw`\x1b[31mred\x1b[0m`],
  ['a\tb\nc\rd\0\u0007\u007f', String.raw`a\tb\nc\rd\x00\x07\x7f`],
  ['\u009b2J', String.raw`\x9b2J`],
  ['\u202eevil\u202c \u2066x\u2069 \u200f', String.raw`\u202eevil\u202c \u2066x\u2069 \u200f`],
  ['\u2028\u2029\ufeff\u200b\u00ad', String.raw`\u2028\u2029\ufeff\u200b\xad`],
  ['\u{e0041}', String.raw`\u{e0041}`],
  ['a\ud800b', String.raw`a\ud800b`],
])('%j', (text, expected) => expect(escapeText(text)).toBe(expected))

test('lines keep their newlines and tabs only', () => {
  expect(escapeLines('a\tb\r\nc\u001b')).toBe('a\tb\\r\nc\\x1b')
})

const wild = fc.string({ unit: 'binary' })

test('nothing that a terminal obeys is left, whatever comes', () => {
  fc.assert(
    fc.property(
      wild,
      (text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(escapeText(text)),
    ),
  )
})

test('JSON keeps its value', () => {
  fc.assert(
    fc.property(wild, (text) => {
      const json = escapeJson(JSON.stringify({ text }))
      expect(JSON.parse(json)).toEqual({ text })
      expect(json).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u)
    }),
  )
})

import { expect, test } from 'vitest'
import { hideSecrets, maskedArguments, withoutSecrets } from './secrecy.ts'

const SECRET = Buffer.alloc(32, 7).toString('base64url')
const KEY = `trk_abcdefghijkl_${SECRET}`
const TOKEN = `trt_${SECRET}.${SECRET}`

test.each([
  ['nothing secret', 'nothing secret'],
  [`a ${KEY} b`, 'a trk_abcdefghijkl_… b'],
  [`"${TOKEN}"`, '"trt_…"'],
  [`--key${KEY}x`, '--keytrk_abcdefghijkl_…'],
  [`trs_${SECRET}`, 'trs_…'],
  ['the field attrs_duration_ms', 'the field attrs_duration_ms'],
  ['store "https://user:p@ss:w/rd@ch:8443/db" is', 'store "https://…@ch:8443/db" is'],
  ['see https://logs.example/docs', 'see https://logs.example/docs'],
])('%s', (text, expected) => expect(withoutSecrets(text)).toBe(expected))

test.each<[given: string[], masked: string[]]>([
  [
    ['tail', '--key', 'anything', 'x'],
    ['tail', '--key', '…', 'x'],
  ],
  [
    ['tail', '--key=anything', 'x'],
    ['tail', '--key=…', 'x'],
  ],
  [
    ['serve', '--store', 'https://u:p@ch/db'],
    ['serve', '--store', 'https://…@ch/db'],
  ],
  [
    ['tail', '--key-file', 'a.key'],
    ['tail', '--key-file', 'a.key'],
  ],
  [
    ['keys', 'revoke', KEY],
    ['keys', 'revoke', 'trk_abcdefghijkl_…'],
  ],
  [
    ['tail', '--key'],
    ['tail', '--key'],
  ],
])('%j', (given, masked) => expect(maskedArguments(given)).toEqual(masked))

const program = (...given: string[]) => ({
  argv: ['/bin/node', '/x/main.js', ...given],
  argv0: 'node',
  title: 'as it is',
})

test('a title is set only where there is something to hide', () => {
  const plain = program('tail', 'a b')
  hideSecrets(plain)
  expect(plain.title).toBe('as it is')
  const secret = program('tail', '--key', KEY)
  hideSecrets(secret)
  expect(secret.title).toBe('node /x/main.js tail --key …')
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { UsageError } from './command.ts'
import { checkSigningKey, readKey, rereadKey, type KeyArguments } from './key-source.ts'

const KEY = `trk_abcdefghijkl_${Buffer.alloc(32, 7).toString('base64url')}`
let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tailrace-key-'))
  writeFileSync(join(cwd, 'a.key'), ` ${KEY}\r\n`)
  writeFileSync(join(cwd, 'b.key'), 'other')
  writeFileSync(join(cwd, 'empty.key'), '\n')
  writeFileSync(join(cwd, 'long.key'), 'x'.repeat(5000))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const read = (args: KeyArguments, env: Record<string, string> = {}) => readKey(args, { env, cwd })

test.each<[name: string, args: KeyArguments, env: Record<string, string>, key: string | undefined]>([
  ['nowhere', {}, {}, undefined],
  ['empty variables', {}, { TAILRACE_KEY: ' ', TAILRACE_KEY_FILE: '' }, undefined],
  ['a flag', { key: KEY }, { TAILRACE_KEY: 'x', TAILRACE_KEY_FILE: 'b.key' }, KEY],
  ['a file', { 'key-file': 'a.key' }, { TAILRACE_KEY: 'x' }, KEY],
  ['a variable, with spaces around it', {}, { TAILRACE_KEY: ` ${KEY}\n`, TAILRACE_KEY_FILE: 'b.key' }, KEY],
  ['a variable with a file', {}, { TAILRACE_KEY_FILE: 'b.key' }, 'other'],
  ['something that a proxy takes', { key: 'a.b-c_d~e+f/g==' }, {}, 'a.b-c_d~e+f/g=='],
])('from %s', (_name, args, env, key) => expect(read(args, env)).toBe(key))

test('a file is read again now and then; one that is gone or spoilt changes nothing', () => {
  let nowMs = 0
  const path = join(cwd, 'a.key')
  const key = rereadKey({ 'key-file': 'a.key' }, { env: {}, cwd }, () => nowMs)
  const later = (): string | undefined => {
    nowMs += 5000
    return key()
  }
  expect(key()).toBe(KEY)
  writeFileSync(path, 'another')
  expect(key()).toBe(KEY)
  expect(later()).toBe('another')
  writeFileSync(path, 'no key at all')
  expect(later()).toBe('another')
  rmSync(path)
  expect(later()).toBe('another')
  writeFileSync(path, KEY)
  expect(later()).toBe(KEY)
  expect(() => rereadKey({ 'key-file': 'no.key' }, { env: {}, cwd })).toThrow('cannot be read')
})

describe('mistakes are told without the key:', () => {
  test.each<[args: KeyArguments, env: Record<string, string>, message: string]>([
    [{ key: KEY, 'key-file': 'a.key' }, {}, '--key and --key-file exclude each other'],
    [{ key: '' }, {}, 'There is no key in --key'],
    [{ key: `"${KEY}"` }, {}, 'What --key holds is no key: its character 1 cannot be there'],
    [{ key: `${KEY} ${KEY}` }, {}, 'its character 61 cannot be there'],
    [{ key: `=${KEY}` }, {}, 'its character 1 cannot be there'],
    [{}, { TAILRACE_KEY: `${KEY}\u0000x` }, 'What TAILRACE_KEY holds is no key: its character 61 cannot be there'],
    [{ 'key-file': 'no.key' }, {}, 'The file of --key-file cannot be read: ENOENT'],
    [{}, { TAILRACE_KEY_FILE: 'empty.key' }, 'There is no key in TAILRACE_KEY_FILE'],
    [{ 'key-file': 'long.key' }, {}, 'is too long to hold a key'],
    [{ 'key-file': '/dev/zero' }, {}, 'is too long to hold a key'],
  ])('%j %j', (args, env, message) => {
    const check = () => read(args, env)
    expect(check).toThrow(UsageError)
    expect(check).toThrow(message)
    expect(check).not.toThrow(KEY)
  })
})

test.each([
  [undefined, '--sign needs a key'],
  [`trt_${'x'.repeat(60)}`, 'which this is not'],
  [KEY.slice(0, -1), 'which this is not'],
])('%s cannot sign', (key, message) => {
  expect(() => checkSigningKey(key)).toThrow(message)
  expect(() => checkSigningKey(key)).not.toThrow('trk_abcdefghijkl')
})

test('a whole key can', () => expect(() => checkSigningKey(KEY)).not.toThrow())

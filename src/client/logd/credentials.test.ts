import { describe, expect, test } from 'vitest'
import { encodeCommand, type LogdCommand } from '../../wire/logd/message.ts'
import { open, sealerOf, sign, type LogdCredentials } from './credentials.ts'

const timeNs = 1_700_000_000_123_456_789n
const command: LogdCommand = {
  name: 'write',
  message: { timeNs, level: 'info', text: 'some log message', key: '/your/app/x' },
}

/** Made by the original: logd's README version and its Go library, with the secret `testsecret`. */
const GOLDEN = {
  v1:
    '7645ae244575e123c63ebd45833b0276c00a40b9c9f6629410ff310b1bf88d8d17979cfe3d85cd15' +
    '122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78',
}

describe('sign', () => {
  test('makes the packet that the original makes', () => {
    expect(sign(command, { secret: 'testsecret' }, timeNs).toString('hex')).toBe(GOLDEN.v1)
  })

  test.each<[string, LogdCredentials]>([
    ['v1', { secret: 'a' }],
    ['v2', { secret: 'a', layout: 'v2' }],
    ['v3', { secret: 'a', keyId: 'k1' }],
    ['v3', { secret: Buffer.from('a'), keyId: 'k1', layout: 'v3' }],
  ])('%s is opened with the same credentials, and with no others', (layout, credentials) => {
    const packet = sign(command, credentials, timeNs)
    expect(open(packet, credentials)).toEqual({ layout, timeNs, command })
    expect(open(packet, { ...credentials, secret: 'b' })).toBeUndefined()
    const other = credentials.keyId === undefined ? { secret: 'a', keyId: 'k1' } : { secret: 'a', keyId: 'k2' }
    expect(open(packet, other)).toBeUndefined()
    if (credentials.keyId !== undefined) expect(open(packet, { secret: 'a' })).toBeUndefined()
    packet[packet.length - 1] = (packet.at(-1) ?? 0) ^ 1
    expect(open(packet, credentials)).toBeUndefined()
  })

  test('takes the time of now unless told', () => {
    const opened = open(sign(command, { secret: 'a' }), { secret: 'a' })
    expect(Math.abs(Number((opened?.timeNs ?? 0n) / 1_000_000n) - Date.now())).toBeLessThan(60_000)
  })

  test('two packets of v3 differ though time and content are the same', () => {
    const seal = sealerOf({ secret: 'a', keyId: 'k' })
    const payload = encodeCommand(command)
    expect(seal(payload, timeNs).equals(seal(payload, timeNs))).toBe(false)
  })
})

describe('credentials that cannot be', () => {
  test.each<[string, LogdCredentials, RegExp]>([
    ['none', { secret: '' }, /secret/],
    ['missing', {} as LogdCredentials, /secret/],
    ['v3 without a key id', { secret: 'a', layout: 'v3' }, /keyId/],
    ['a key id for v1', { secret: 'a', keyId: 'k', layout: 'v1' }, /v3/],
    ['a key id that is too long', { secret: 'a', keyId: 'k'.repeat(33) }, /32/],
  ])('%s', (_what, credentials, message) => {
    expect(() => sealerOf(credentials)).toThrow(TypeError)
    expect(() => sealerOf(credentials)).toThrow(message)
  })
})

test('any bytes are opened to nothing', () => {
  for (const bytes of [[], [1], Array<number>(40).fill(0), Array<number>(2000).fill(255)]) {
    expect(open(Buffer.from(bytes), { secret: 'a' })).toBeUndefined()
    expect(open(Buffer.from(bytes), { secret: 'a', keyId: 'k' })).toBeUndefined()
  }
})

import { describe, expect, test } from 'vitest'
import { formatKey } from '../../core/signing.ts'
import { openPacket } from '../../wire/logd/packet.ts'
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

const key = formatKey({ id: 'abcdefghijkl', secret: Buffer.alloc(32, 7) })
const otherKey = formatKey({ id: 'abcdefghijkl', secret: Buffer.alloc(32, 8) })

describe('sign', () => {
  test('makes the packet that the original makes', () => {
    expect(sign(command, { secret: 'testsecret', layout: 'v1' }, timeNs).toString('hex')).toBe(GOLDEN.v1)
  })

  test.each<[string, LogdCredentials, others: LogdCredentials[]]>([
    ['v1', { secret: 'a', layout: 'v1' }, [{ secret: 'b', layout: 'v1' }, { secret: key }]],
    ['v2', { secret: 'a', layout: 'v2' }, [{ secret: 'b', layout: 'v2' }, { secret: key }]],
    ['v3', { secret: 'a' }, [{ secret: 'b' }, { secret: 'a', keyId: 'k1' }, { secret: key }]],
    ['v3', { secret: 'a', keyId: 'k1' }, [{ secret: 'a' }, { secret: 'a', keyId: 'k2' }, { secret: 'b', keyId: 'k1' }]],
    ['v3', { secret: Buffer.from('a'), keyId: 'k1', layout: 'v3' }, [{ secret: Buffer.from('b'), keyId: 'k1' }]],
    ['v3', { secret: key }, [{ secret: otherKey }, { secret: Buffer.from(key) }, { secret: 'a' }]],
  ])('%s is opened with the same credentials, and with no others: %o', (layout, credentials, others) => {
    const packet = sign(command, credentials, timeNs)
    expect(open(packet, credentials)).toEqual({ layout, timeNs, command })
    for (const other of others) expect(open(packet, other)).toBeUndefined()
    packet[packet.length - 1] = (packet.at(-1) ?? 0) ^ 1
    expect(open(packet, credentials)).toBeUndefined()
  })

  test('names the secret by what it is for', () => {
    expect(openPacket(sign(command, { secret: 'a' }))?.keyId).toBe('write')
    for (const name of ['tail', 'ping', 'query'] as const) {
      const packet = sign({ name }, { secret: 'a' })
      expect(openPacket(packet)?.keyId).toBe('read')
      expect(open(packet, { secret: 'a' })?.command).toEqual({ name })
    }
  })

  test('sends nothing of a key but its id', () => {
    const packet = sign(command, { secret: key })
    expect(openPacket(packet)?.keyId).toBe('abcdefghijkl')
    expect(packet.includes(Buffer.alloc(32, 7))).toBe(false)
    expect(packet.includes(key.slice(-43))).toBe(false)
  })

  test('takes the time of now unless told', () => {
    const opened = open(sign(command, { secret: 'a' }), { secret: 'a' })
    expect(Math.abs(Number((opened?.timeNs ?? 0n) / 1_000_000n) - Date.now())).toBeLessThan(60_000)
  })

  test('two packets of v3 differ though time and content are the same', () => {
    const seal = sealerOf({ secret: 'a' }, 'write')
    const payload = encodeCommand(command)
    expect(seal(payload, timeNs).equals(seal(payload, timeNs))).toBe(false)
  })
})

describe('credentials that cannot be', () => {
  test.each<[string, LogdCredentials, RegExp]>([
    ['none', { secret: '' }, /secret/],
    ['missing', {} as LogdCredentials, /secret/],
    ['a key id for v1', { secret: 'a', keyId: 'k', layout: 'v1' }, /v3/],
    ['a key for v2', { secret: key, layout: 'v2' }, /v3/],
    ['a key id that is too long', { secret: 'a', keyId: 'k'.repeat(33) }, /32/],
  ])('%s', (_what, credentials, message) => {
    expect(() => sealerOf(credentials, 'write')).toThrow(TypeError)
    expect(() => sealerOf(credentials, 'write')).toThrow(message)
  })
})

test('any bytes are opened to nothing', () => {
  for (const bytes of [[], [1], Array<number>(40).fill(0), Array<number>(2000).fill(255)]) {
    expect(open(Buffer.from(bytes), { secret: 'a' })).toBeUndefined()
    expect(open(Buffer.from(bytes), { secret: 'a', keyId: 'k' })).toBeUndefined()
  }
})

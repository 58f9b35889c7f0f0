import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPacketSignedWith, openPacket, sealPacket, type PacketSealing } from './packet.ts'

const TIME_NS = 1_700_000_000_123_456_789n
const PAYLOAD = Buffer.from(
  '122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78',
  'hex',
)
const SECRET = 'testsecret'
const KEY = Buffer.alloc(32, 7)

const sealings: readonly PacketSealing[] = [
  { layout: 'v1', secret: SECRET, timeNs: TIME_NS, payload: PAYLOAD },
  { layout: 'v2', secret: SECRET, timeNs: TIME_NS, payload: PAYLOAD },
  { layout: 'v3', keyId: 'abcdefghijkl', key: KEY, timeNs: TIME_NS, nonce: 0xfedcba98, payload: PAYLOAD },
]
const secretOf = (sealing: PacketSealing): string | Uint8Array =>
  sealing.layout === 'v3' ? sealing.key : sealing.secret

describe('logd packets', () => {
  test('golden vector of v1', () => {
    const packet = sealPacket({ layout: 'v1', secret: SECRET, timeNs: TIME_NS, payload: PAYLOAD })
    expect(packet.toString('hex')).toBe(
      `7645ae244575e123c63ebd45833b0276c00a40b9c9f6629410ff310b1bf88d8d17979cfe3d85cd15${PAYLOAD.toString('hex')}`,
    )
  })

  test('time of v2 as Go writes it', () => {
    const packet = sealPacket({ layout: 'v2', secret: SECRET, timeNs: TIME_NS, payload: PAYLOAD })
    expect(packet.toString('hex', 32, 47)).toBe('010000000edce5e800075bcd15ffff')
  })

  test.each(sealings.map((sealing) => [sealing.layout, sealing] as const))(
    '%s: sealed, opened, proven',
    (_, sealing) => {
      const opened = openPacket(sealPacket(sealing))
      if (!opened) throw new Error('not opened')
      expect(opened).toMatchObject({ layout: sealing.layout, timeNs: TIME_NS, payload: PAYLOAD })
      expect(opened.keyId).toBe(sealing.layout === 'v3' ? 'abcdefghijkl' : '')
      expect(opened.nonce).toBe(sealing.layout === 'v3' ? 0xfedcba98 : 0)
      expect(isPacketSignedWith(opened, secretOf(sealing))).toBe(true)
      expect(isPacketSignedWith(opened, 'another')).toBe(false)
      expect(isPacketSignedWith(opened, '')).toBe(false)
    },
  )

  test.each(sealings.map((sealing) => [sealing.layout, sealing] as const))(
    '%s: every flipped bit is refused',
    (_, sealing) => {
      const packet = sealPacket(sealing)
      for (let bit = 0; bit < packet.length * 8; bit++) {
        const changed = Buffer.from(packet)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const opened = openPacket(changed)
        expect(opened !== undefined && isPacketSignedWith(opened, secretOf(sealing)), `bit ${bit}`).toBe(false)
      }
    },
  )

  test('secrets of any length', () => {
    for (let size = 0; size < 100; size++) {
      const secret = Buffer.alloc(size, size + 1)
      const opened = openPacket(sealPacket({ layout: 'v1', secret, timeNs: TIME_NS, payload: PAYLOAD }))
      expect(opened && isPacketSignedWith(opened, secret)).toBe(true)
    }
  })

  test.each<[string, number, string]>([
    ['v1', 40, `${'00'.repeat(32)}17979cfe3d85cd15`],
    ['v2', 47, `${'00'.repeat(32)}010000000edce5e800075bcd15ffff`],
    ['v3', 54, `54726c6f67640003016117979cfe3d85cd1500000000${'00'.repeat(32)}`],
  ])('%s has at least %d bytes', (_layout, bytesMin, hex) => {
    const packet = Buffer.from(hex, 'hex')
    expect(packet.length).toBe(bytesMin)
    expect(openPacket(packet)).toMatchObject({ payload: Buffer.alloc(0) })
    for (let size = 0; size < bytesMin; size++) {
      const opened = openPacket(packet.subarray(0, size))
      if (opened) expect(opened.layout).not.toBe(_layout)
    }
  })

  test('a key id that cannot be', () => {
    for (const keyId of ['', 'x'.repeat(33)]) {
      expect(() => sealPacket({ layout: 'v3', keyId, key: KEY, timeNs: TIME_NS, payload: PAYLOAD })).toThrow(RangeError)
    }
    const packet = sealPacket({ layout: 'v3', keyId: 'x', key: KEY, timeNs: TIME_NS, payload: Buffer.alloc(200) })
    for (const size of [0, 33, 255]) {
      packet[8] = size
      expect(openPacket(packet)).toBeUndefined()
    }
  })

  test('whatever the bytes are, nothing is thrown and nothing is proven', () => {
    const magic = Buffer.from('54726c6f67640003', 'hex')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, isMagic) => {
        const opened = openPacket(isMagic ? Buffer.concat([magic, bytes]) : bytes)
        if (opened) expect(isPacketSignedWith(opened, SECRET)).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })
})

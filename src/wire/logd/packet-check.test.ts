import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHashRoom, KeyCheck, PacketHeader, SecretCheck } from './packet-check.ts'
import { isPacketSignedWith, openPacket, sealPacket, type PacketSealing } from './packet.ts'

const TIME_NS = 1_700_000_000_123_456_789n
const room = createHashRoom(200)
const header = new PacketHeader()

const payload = fc.uint8Array({ maxLength: 300 })
const secret = fc.string({ unit: 'grapheme', maxLength: 40 })
const timeNs = fc.bigInt({ min: 1_600_000_000_000_000_000n, max: 2_000_000_000_000_000_000n })
const sealing: fc.Arbitrary<PacketSealing> = fc.oneof(
  fc.record({ layout: fc.constantFrom('v1' as const, 'v2' as const), secret, timeNs, payload }),
  fc.record({
    layout: fc.constant('v3' as const),
    keyId: fc.stringMatching(/^[a-z0-9]{1,32}$/),
    key: fc.oneof(secret, fc.uint8Array({ maxLength: 150 })),
    timeNs,
    payload,
    nonce: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  }),
)

function check(given: PacketSealing, packet: Buffer): boolean {
  if (given.layout === 'v3') return new KeyCheck(given.key, room).isProven(packet, header)
  return new SecretCheck(String(given.secret), room).isProven(packet, header)
}

describe('the hot path sees what the plain one does', () => {
  test('in packets that are in order', () => {
    fc.assert(
      fc.property(sealing, (given) => {
        const packet = sealPacket(given)
        const opened = openPacket(packet)
        expect(header.read(packet)).toBe(true)
        expect(header.layout).toBe(opened?.layout)
        expect(packet.subarray(header.payloadAt)).toEqual(opened?.payload)
        expect(packet.subarray(header.sumAt, header.sumAt + 32)).toEqual(opened?.sum)
        expect(Math.abs(header.timeMs - Number(given.timeNs) / 1e6)).toBeLessThan(0.001)
        if (given.layout === 'v3') expect(header.keyId(packet)).toBe(given.keyId)
        expect(check(given, packet)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('in any bytes', () => {
    const magic = Buffer.from('54726c6f67640003', 'hex')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 130 }), fc.constantFrom('', 'magic', 'go'), (bytes, kind) => {
        if (kind === 'go' && bytes.length > 32) bytes[32] = 1
        const packet = kind === 'magic' ? Buffer.concat([magic, bytes]) : Buffer.from(bytes)
        const opened = openPacket(packet)
        expect(header.read(packet)).toBe(opened !== undefined)
        if (opened) expect(header.layout).toBe(opened.layout)
      }),
      { numRuns: 2000 },
    )
  })

  const texts = { secret: 'testsecret', timeNs: TIME_NS, payload: Buffer.from('some payload') }
  test.each<PacketSealing>([
    { layout: 'v1', ...texts },
    { layout: 'v2', ...texts },
    { ...texts, layout: 'v3', keyId: 'abcdefghijkl', key: 'testsecret' },
  ])('$layout: every flipped bit is refused', (given) => {
    const packet = sealPacket(given)
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const changed = Buffer.from(packet)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(header.read(changed) && check(given, changed), `bit ${bit}`).toBe(false)
    }
    expect(header.read(packet) && check(given, packet)).toBe(true)
  })
})

test('a packet that is proven here is proven there, whatever key was tried before in the same room', () => {
  const checks = [new SecretCheck('a'.repeat(200), room), new SecretCheck('', room), new KeyCheck('k', room)]
  const packet = sealPacket({ layout: 'v1', secret: '', timeNs: TIME_NS, payload: Buffer.alloc(1000) })
  header.read(packet)
  expect(checks.map((one) => one.isProven(packet, header))).toEqual([false, true, false])
  const opened = openPacket(packet)
  expect(opened && isPacketSignedWith(opened, '')).toBe(true)
})

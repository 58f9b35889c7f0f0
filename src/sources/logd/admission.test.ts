import { describe, expect, test } from 'vitest'
import { OPEN_PRINCIPAL, type Principal } from '../../core/principal.ts'
import { sealPacket, type PacketLayout } from '../../wire/logd/packet.ts'
import { Admission } from './admission.ts'
import { LOGD_LIMITS, LOGD_WINDOWS, type LogdKey, type LogdSettings } from './settings.ts'

const NOW_MS = 1_700_000_000_123
const START_MS = NOW_MS - 3_600_000
const GOLDEN_PAYLOAD =
  '122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78'
const KEY = Buffer.alloc(32, 9)

const writer: Principal = { ...OPEN_PRINCIPAL, by: 'key', keyId: 'abcdefghijkl', role: 'write' }
const key: LogdKey = { key: KEY, principal: writer }

function admission(settings: Partial<LogdSettings> = {}, startMs = START_MS): Admission {
  return new Admission(
    {
      host: '',
      port: 0,
      readSecret: 'gold',
      writeSecret: 'bitcoin',
      isInsecure: false,
      windows: LOGD_WINDOWS,
      limits: LOGD_LIMITS,
      keyOf: (id) => (id === 'abcdefghijkl' ? key : undefined),
      ...settings,
    },
    startMs,
  )
}

function seal(
  layout: PacketLayout,
  offsetMs = 0,
  {
    secret = 'bitcoin',
    keyId = 'write',
    key = secret,
  }: { secret?: string; keyId?: string; key?: string | Buffer } = {},
): Buffer {
  const timeNs = BigInt(Math.round((NOW_MS + offsetMs) * 1000)) * 1000n
  const payload = Buffer.from(GOLDEN_PAYLOAD, 'hex')
  return layout === 'v3'
    ? sealPacket({ layout, keyId, key, timeNs, payload })
    : sealPacket({ layout, secret, timeNs, payload })
}

describe('time', () => {
  test.each<[PacketLayout, number, string | undefined]>([
    ['v1', 0, undefined],
    ['v1', -100, undefined],
    ['v1', -100.1, 'stale'],
    ['v1', 100, undefined],
    ['v1', 102, 'future'],
    ['v2', 0, undefined],
    ['v2', 0.9, undefined],
    ['v2', 1.1, 'future'],
    ['v2', -200, undefined],
    ['v2', -200.1, 'stale'],
    ['v3', 30_000, undefined],
    ['v3', 30_002, 'future'],
    ['v3', -30_000, undefined],
    ['v3', -30_000.1, 'stale'],
  ])('%s, %d ms from now: %s', (layout, offsetMs, expected) => {
    expect(admission().refuse(seal(layout, offsetMs), '127.0.0.1', NOW_MS, NOW_MS)).toBe(expected)
  })

  test('what waited in the kernel is as old as it was when it came', () => {
    expect(admission().refuse(seal('v1', -400), '127.0.0.1', NOW_MS, NOW_MS - 300)).toBeUndefined()
    expect(admission().refuse(seal('v1', -401), '127.0.0.1', NOW_MS, NOW_MS - 300)).toBe('stale')
  })

  test('before the start nothing is known, so nothing of that time is taken', () => {
    const started = admission({}, NOW_MS)
    expect(started.refuse(seal('v3', -1), '127.0.0.1', NOW_MS, NOW_MS)).toBe('stale')
    expect(started.refuse(seal('v3', 1), '127.0.0.1', NOW_MS, NOW_MS)).toBeUndefined()
  })
})

/** Packets as they were on the wire, of 1,700,000,000,123 ms, with the secret `bitcoin`. */
const RECORDED = {
  v1: '1f7d08e23013a568cf197485494ae45c2733d1f9a1dba760b107d574f415ef4517979cfe3d7ed4c0122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78',
  v2: 'beabf8dd12688bbfeda5a4f1dd4ba9d9f862c041978666f825566d416440ee3b010000000edce5e8000754d4c0ffff122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78',
  v3: '54726c6f6764000305777269746517979cfe3d7ed4c000000000d8eef177a12f9d8ed7e4caee22486fcbb56554aa2bc72c7c3603dd18b28fa127122e0a0b0880e2cfaa0610959aef3a30033a10736f6d65206c6f67206d657373616765620b2f796f75722f6170702f78',
}

describe('replays', () => {
  test.each(['v1', 'v2', 'v3'] as const)('%s', (layout) => {
    const door = admission()
    const packet = Buffer.from(RECORDED[layout], 'hex')
    expect(packet).toEqual(seal(layout))
    expect(door.refuse(packet, '127.0.0.1', NOW_MS, NOW_MS)).toBeUndefined()
    for (const laterMs of [0, 1, 50, 100])
      expect(door.refuse(packet, '127.0.0.1', NOW_MS + laterMs, NOW_MS + laterMs)).toBe('replay')
    const muchLaterMs = NOW_MS + 60_000
    expect(door.refuse(packet, '127.0.0.1', muchLaterMs, muchLaterMs)).toBe('stale')
    expect(door.refuse(packet, '127.0.0.1', NOW_MS, NOW_MS)).toMatch(/^(?:replay|stale)$/)
  })

  test('beyond the bound nothing is taken, and nothing is taken for a replay', () => {
    const door = admission({ limits: { ...LOGD_LIMITS, signaturesMax: 3 } })
    const answers = [0, 1, 2, 3, 4, 1].map((offset) => door.refuse(seal('v3', offset), '127.0.0.1', NOW_MS, NOW_MS))
    expect(answers).toEqual([undefined, undefined, undefined, 'overload', 'overload', 'replay'])
  })
})

function rightsOf(door: Admission, packet: Buffer): string {
  const reason = door.refuse(packet, '127.0.0.1', NOW_MS, NOW_MS)
  const { sender } = door
  if (reason !== undefined) {
    if (sender) throw new Error('refused, but there is a sender')
    return reason
  }
  return [sender?.canRead ? 'read' : '', sender?.canWrite ? 'write' : ''].join(' ').trim()
}

describe('who it is', () => {
  test.each<[string, Partial<LogdSettings>, Buffer, string]>([
    ['the write secret', {}, seal('v1'), 'write'],
    ['the read secret', {}, seal('v2', 0, { secret: 'gold' }), 'read'],
    ['another secret', {}, seal('v1', 0, { secret: 'silver' }), 'signature'],
    ['no secret', {}, seal('v1', 0, { secret: '' }), 'signature'],
    ['one secret for both', { readSecret: 'bitcoin' }, seal('v1'), 'read write'],
    ['a direction without secret', { writeSecret: '' }, seal('v1', 0, { secret: '' }), 'signature'],
    ['the write secret as a key', {}, seal('v3'), 'write'],
    ['the read secret as a key', {}, seal('v3', 0, { keyId: 'read', key: 'gold' }), 'read'],
    ['the wrong secret as a key', {}, seal('v3', 0, { keyId: 'read', key: 'bitcoin' }), 'signature'],
    ['an empty secret as a key', { writeSecret: '' }, seal('v3', 0, { key: '' }), 'signature'],
    ['a key', {}, seal('v3', 0, { keyId: 'abcdefghijkl', key: KEY }), 'write'],
    [
      'a key from elsewhere',
      { keyOf: () => ({ ...key, allows: () => false }) },
      seal('v3', 0, { keyId: 'abcdefghijkl', key: KEY }),
      'signature',
    ],
    ['a wrong key', {}, seal('v3', 0, { keyId: 'abcdefghijkl', key: 'x' }), 'signature'],
    ['an unknown key', {}, seal('v3', 0, { keyId: 'abcdefghijk2', key: KEY }), 'signature'],
    ['insecure, but with secrets', { isInsecure: true }, seal('v1', 0, { secret: 'x' }), 'signature'],
    ['insecure for writing', { isInsecure: true, writeSecret: '' }, seal('v1', -1e9, { secret: 'x' }), 'write'],
    ['insecure for reading', { isInsecure: true, readSecret: '' }, Buffer.alloc(40), 'read'],
    ['insecure, and its own secret', { isInsecure: true, readSecret: '' }, seal('v1'), 'write'],
    ['insecure altogether', { isInsecure: true, readSecret: '', writeSecret: '' }, Buffer.alloc(40), 'read write'],
    ['insecure, but short', { isInsecure: true, readSecret: '', writeSecret: '' }, Buffer.alloc(39), 'short'],
  ])('%s', (_what, settings, packet, expected) => {
    expect(rightsOf(admission(settings), packet)).toBe(expected)
  })

  test('a key that is revoked, or changed, is so at once', () => {
    const keys = new Map([['abcdefghijkl', key]])
    const door = admission({ keyOf: (id) => keys.get(id) })
    const next = (offset: number, bytes: Buffer): string =>
      rightsOf(door, seal('v3', offset, { keyId: 'abcdefghijkl', key: bytes }))
    expect(next(1, KEY)).toBe('write')
    keys.set('abcdefghijkl', { key: Buffer.alloc(32, 1), principal: { ...writer, role: 'read' } })
    expect(next(2, KEY)).toBe('signature')
    expect(next(3, Buffer.alloc(32, 1))).toBe('read')
    keys.clear()
    expect(next(4, Buffer.alloc(32, 1))).toBe('signature')
  })

  test('a key is told of what it has signed, and not of what only names it', () => {
    let uses = 0
    const told = { ...key, noteUse: () => void uses++ }
    const door = admission({ keyOf: () => told })
    expect(rightsOf(door, seal('v3', 1, { keyId: 'abcdefghijkl', key: Buffer.alloc(32, 1) }))).toBe('signature')
    expect(uses).toBe(0)
    expect(rightsOf(door, seal('v3', 2, { keyId: 'abcdefghijkl', key: KEY }))).toBe('write')
    expect(uses).toBe(1)
  })

  test('every flipped bit of a packet is refused', () => {
    const door = admission()
    for (const layout of ['v1', 'v2', 'v3'] as const) {
      const packet = seal(layout)
      for (let bit = 0; bit < packet.length * 8; bit++) {
        const changed = Buffer.from(packet)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(door.refuse(changed, '127.0.0.1', NOW_MS, NOW_MS), `${layout}, bit ${bit}`).toMatch(
          /^(?:signature|short)$/,
        )
      }
    }
  })
})

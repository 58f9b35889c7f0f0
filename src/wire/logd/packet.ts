/**
 * wire/logd: the signed packets of logd over UDP, and a layout of our own. A packet is sum ‖ time ‖ payload:
 *
 *     v1   sum 32 ‖ time 8: int64 BE, ns since 1970 ‖ payload              sum = SHA-256(secret ‖ time ‖ payload)
 *     v2   sum 32 ‖ time 15: Go's time.MarshalBinary ‖ payload             the same
 *     v3   magic 8 ‖ key id length 1 ‖ key id ‖ time 8 ‖ nonce 4 ‖ sum 32 ‖ payload
 *                                                      sum = HMAC-SHA256(key, everything before the sum ‖ payload)
 *
 * Which one it is: v3 begins with the magic. Of the others v2 has 1 where its time begins, the version of Go's format;
 * there a v1 packet has the highest byte of its time, which is 1 for times between April 1972 and July 1974 only.
 * A v1 or v2 packet begins with a SHA-256 sum, so that one in 2^64 looks like v3, and is refused: it would have to bear
 * a valid HMAC as well. A v3 packet is never tried as another layout.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'

export type PacketLayout = 'v1' | 'v2' | 'v3'

/** `Trlogd`, a zero, and the version of the layout. */
export const V3_MAGIC = Buffer.from([0x54, 0x72, 0x6c, 0x6f, 0x67, 0x64, 0x00, 0x03])

export const SUM_BYTES = 32
export const KEY_ID_BYTES_MAX = 32
/** Smallest packets there are: with an empty payload. */
export const V1_BYTES_MIN = SUM_BYTES + 8
export const V2_BYTES_MIN = SUM_BYTES + 15

/** First byte of Go's `time.MarshalBinary`. */
export const GO_TIME_VERSION = 1
/** From the year 1, where Go's times begin, to 1970. */
export const GO_EPOCH_SECONDS = 62_135_596_800

/** Where things stand in v3, beside the magic. */
export const V3_KEY_ID = V3_MAGIC.length + 1
export const V3_TIME_BYTES = 8
export const V3_NONCE_BYTES = 4
const SECOND_NS = 1_000_000_000n

/** What to seal a packet with: one secret for v1 and v2, a key and its id for v3. Texts are taken as UTF-8. */
export type PacketSealing = { timeNs: bigint; payload: Uint8Array } & (
  | { layout: 'v1' | 'v2'; secret: string | Uint8Array }
  | {
      layout: 'v3'
      /** 1 to 32 bytes. */
      keyId: string
      key: string | Uint8Array
      /** Tells packets of the same time and payload from each other: a replay is the same in all of it. 0 to 2^32 − 1. */
      nonce?: number
    }
)

/** A packet taken apart; nothing of it is proven yet. Its members are windows onto the packet, not copies. */
export interface OpenedPacket {
  layout: PacketLayout
  sum: Buffer
  timeNs: bigint
  payload: Buffer
  /** Empty for v1 and v2. */
  keyId: string
  /** 0 for v1 and v2. */
  nonce: number
  /** What the sum was made over, beside the secret: these, one after the other. */
  signed: readonly Buffer[]
}

/** Throws a RangeError for a key id that is too long or empty: our own caller's fault. */
export function sealPacket(sealing: PacketSealing): Buffer {
  const { payload } = sealing
  if (sealing.layout === 'v3') {
    const header = v3Header(sealing.keyId, sealing.timeNs, sealing.nonce ?? 0)
    const packet = Buffer.allocUnsafe(header.length + SUM_BYTES + payload.length)
    packet.set(header)
    packet.set(payload, header.length + SUM_BYTES)
    packet.set(createHmac('sha256', sealing.key).update(header).update(payload).digest(), header.length)
    return packet
  }
  const secret = typeof sealing.secret === 'string' ? Buffer.from(sealing.secret) : sealing.secret
  const timeBytes = sealing.layout === 'v1' ? 8 : 15
  // The secret stands right before what it is hashed with, and makes way for the sum afterwards.
  const before = Math.max(SUM_BYTES, secret.length)
  const room = Buffer.allocUnsafe(before + timeBytes + payload.length)
  room.set(secret, before - secret.length)
  if (sealing.layout === 'v1') room.writeBigInt64BE(BigInt.asIntN(64, sealing.timeNs), before)
  else writeGoTime(room, before, sealing.timeNs)
  room.set(payload, before + timeBytes)
  const sum = hash('sha256', room.subarray(before - secret.length), 'binary')
  room.write(sum, before - SUM_BYTES, 'binary')
  return room.subarray(before - SUM_BYTES)
}

/** Takes a packet apart. `undefined` for one that is too short, or whose time or key id cannot be. */
export function openPacket(bytes: Uint8Array): OpenedPacket | undefined {
  const packet = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (isV3(packet)) return openV3(packet)
  if (packet.length < V1_BYTES_MIN) return undefined
  const isV2 = packet[SUM_BYTES] === GO_TIME_VERSION
  if (isV2 && packet.length < V2_BYTES_MIN) return undefined
  const timeNs = isV2 ? readGoTime(packet, SUM_BYTES) : packet.readBigInt64BE(SUM_BYTES)
  return {
    layout: isV2 ? 'v2' : 'v1',
    sum: packet.subarray(0, SUM_BYTES),
    timeNs,
    payload: packet.subarray(isV2 ? V2_BYTES_MIN : V1_BYTES_MIN),
    keyId: '',
    nonce: 0,
    signed: [packet.subarray(SUM_BYTES)],
  }
}

/** Whether the packet was sealed with this secret, or for v3 with this key. Takes the same time whatever differs. */
export function isPacketSignedWith(opened: OpenedPacket, secret: string | Uint8Array): boolean {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (opened.layout !== 'v3') {
    const sum = hash('sha256', Buffer.concat([bytes, ...opened.signed]), 'buffer')
    return timingSafeEqual(sum, opened.sum)
  }
  const hmac = createHmac('sha256', bytes)
  for (const part of opened.signed) hmac.update(part)
  return timingSafeEqual(hmac.digest(), opened.sum)
}

/** Whether it claims to be of layout v3. */
export function isV3(packet: Uint8Array): boolean {
  if (packet.length < V3_MAGIC.length) return false
  for (let i = 0; i < V3_MAGIC.length; i++) if (packet[i] !== V3_MAGIC[i]) return false
  return true
}

function openV3(packet: Buffer): OpenedPacket | undefined {
  const keyIdBytes = packet[V3_KEY_ID - 1] ?? 0
  const time = V3_KEY_ID + keyIdBytes
  const sum = time + V3_TIME_BYTES + V3_NONCE_BYTES
  const payload = sum + SUM_BYTES
  if (keyIdBytes === 0 || keyIdBytes > KEY_ID_BYTES_MAX || packet.length < payload) return undefined
  return {
    layout: 'v3',
    sum: packet.subarray(sum, payload),
    timeNs: packet.readBigInt64BE(time),
    payload: packet.subarray(payload),
    keyId: packet.toString('utf8', V3_KEY_ID, time),
    nonce: packet.readUInt32BE(time + V3_TIME_BYTES),
    signed: [packet.subarray(0, sum), packet.subarray(payload)],
  }
}

function v3Header(keyId: string, timeNs: bigint, nonce: number): Buffer {
  const keyIdBytes = Buffer.byteLength(keyId)
  if (keyIdBytes === 0 || keyIdBytes > KEY_ID_BYTES_MAX) {
    throw new RangeError(`a key id has 1 to ${KEY_ID_BYTES_MAX} bytes, not ${keyIdBytes}`)
  }
  const time = V3_KEY_ID + keyIdBytes
  const header = Buffer.allocUnsafe(time + V3_TIME_BYTES + V3_NONCE_BYTES)
  header.set(V3_MAGIC)
  header[V3_KEY_ID - 1] = keyIdBytes
  header.write(keyId, V3_KEY_ID)
  header.writeBigInt64BE(BigInt.asIntN(64, timeNs), time)
  header.writeUInt32BE(nonce >>> 0, time + V3_TIME_BYTES)
  return header
}

/** Go's `time.MarshalBinary`, version 1, in UTC: version, seconds since the year 1, nanoseconds, zone in minutes. */
function writeGoTime(bytes: Buffer, at: number, timeNs: bigint): void {
  const nanoseconds = ((timeNs % SECOND_NS) + SECOND_NS) % SECOND_NS
  const seconds = (timeNs - nanoseconds) / SECOND_NS + BigInt(GO_EPOCH_SECONDS)
  bytes[at] = GO_TIME_VERSION
  bytes.writeBigUInt64BE(BigInt.asUintN(64, seconds), at + 1)
  bytes.writeInt32BE(Number(nanoseconds), at + 9)
  bytes.writeInt16BE(-1, at + 13)
}

function readGoTime(bytes: Buffer, at: number): bigint {
  const seconds = bytes.readBigInt64BE(at + 1) - BigInt(GO_EPOCH_SECONDS)
  return seconds * SECOND_NS + BigInt(bytes.readInt32BE(at + 9))
}

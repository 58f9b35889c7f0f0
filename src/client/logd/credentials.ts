import { decodeCommand, encodeCommand, type LogdCommand } from '../../wire/logd/message.ts'
import { isPacketSignedWith, openPacket, sealPacket, type PacketLayout } from '../../wire/logd/packet.ts'
import { PacketClock } from './packet-clock.ts'

/** Who signs. The same on both sides; docs/sources/logd.md says what the layouts are. */
export interface LogdCredentials {
  /** The write secret for a logger, the read secret for tail and query; with `keyId` the key of that id. */
  secret: string | Uint8Array
  /** 1 to 32 bytes. Means layout v3: HMAC-SHA256, understood by Tailrace only. */
  keyId?: string | undefined
  /**
   * v1: what the README of logd describes, and the default without `keyId`. v2: logd from 0.15.8 on, which takes no packet from
   * the future: the clocks have to agree.
   */
  layout?: PacketLayout | undefined
}

export type Sealer = (payload: Uint8Array, timeNs: bigint) => Buffer

/** Throws TypeError when the credentials are none. */
export function sealerOf({ secret, keyId, layout }: LogdCredentials, random: () => number = Math.random): Sealer {
  if (secret === undefined || secret.length === 0) throw new TypeError('logd: a secret is needed to sign packets')
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (keyId !== undefined && (layout ?? 'v3') === 'v3') {
    if (keyId === '' || Buffer.byteLength(keyId) > 32) throw new TypeError('logd: a key id has 1 to 32 bytes')
    let nonce = Math.floor(random() * 2 ** 32)
    return (payload, timeNs) => {
      nonce = (nonce + 1) >>> 0
      return sealPacket({ layout: 'v3', keyId, key: bytes, timeNs, payload, nonce })
    }
  }
  if (layout === 'v3') throw new TypeError('logd: layout v3 needs a keyId')
  if (keyId !== undefined) throw new TypeError(`logd: a keyId is for layout v3, not ${layout}`)
  const older = layout ?? 'v1'
  return (payload, timeNs) => sealPacket({ layout: older, secret: bytes, timeNs, payload })
}

/** A command as the datagram that logd takes: signed for this moment, and good for one sending only. */
export function sign(command: LogdCommand, credentials: LogdCredentials, timeNs = new PacketClock().nowNs()): Buffer {
  return sealerOf(credentials)(encodeCommand(command), timeNs)
}

export interface OpenCommand {
  layout: PacketLayout
  /** When it was signed, ns since 1970. Whether that is recent enough is for the caller to say. */
  timeNs: bigint
  command: LogdCommand
}

/** The command in a datagram; `undefined` unless it was signed with these credentials. Never throws for any bytes. */
export function open(datagram: Uint8Array, credentials: LogdCredentials): OpenCommand | undefined {
  const opened = openPacket(datagram)
  if (!opened || !isPacketSignedWith(opened, credentials.secret)) return undefined
  const isMeant = credentials.keyId === undefined ? opened.layout !== 'v3' : opened.keyId === credentials.keyId
  const command = isMeant ? decodeCommand(opened.payload) : undefined
  return command && { layout: opened.layout, timeNs: opened.timeNs, command }
}

import { parseKey, signingKeyOf } from '../../core/signing.ts'
import { decodeCommand, encodeCommand, type LogdCommand } from '../../wire/logd/message.ts'
import {
  isPacketSignedWith,
  KEY_ID_BYTES_MAX,
  openPacket,
  sealPacket,
  type PacketLayout,
} from '../../wire/logd/packet.ts'
import { PacketClock } from './packet-clock.ts'

/** Who signs, and how; docs/sources/logd.md says what the layouts are. */
export interface LogdCredentials {
  /**
   * The write secret for a logger, the read secret for tail and query. Or the text of one of Tailrace's keys
   * (`trk_…`), which is signed with in layout v3 and not sent.
   */
  secret: string | Uint8Array
  /**
   * v3 unless given: HMAC-SHA256, for Tailrace, whose clock may be half a minute apart. For servers of the original
   * v1 (what its README describes) or v2 (from 0.15.8 on), where a tenth of a second is too much.
   */
  layout?: PacketLayout | undefined
  /** Of v3: which key the secret is, where it is neither the read nor the write secret. 1 to 32 bytes. */
  keyId?: string | undefined
}

/** What the two secrets are called as keys of v3. */
export type LogdRole = 'read' | 'write'

export type Sealer = (payload: Uint8Array, timeNs: bigint) => Buffer

interface SigningKey {
  key: string | Uint8Array
  /** For v3. */
  keyId: string
  layout: PacketLayout
}

/** Throws TypeError when the credentials are none. */
export function sealerOf(credentials: LogdCredentials, role: LogdRole, random: () => number = Math.random): Sealer {
  const { key, keyId, layout } = signingKeyFor(credentials, role)
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  if (layout !== 'v3') return (payload, timeNs) => sealPacket({ layout, secret: bytes, timeNs, payload })
  let nonce = Math.floor(random() * 2 ** 32)
  return (payload, timeNs) => {
    nonce = (nonce + 1) >>> 0
    return sealPacket({ layout, keyId, key: bytes, timeNs, payload, nonce })
  }
}

function signingKeyFor({ secret, keyId, layout = 'v3' }: LogdCredentials, role: LogdRole): SigningKey {
  // Programs without types get here with nothing.
  if (((secret as string | undefined) ?? '').length === 0)
    throw new TypeError('logd: a secret is needed to sign packets')
  const parts = typeof secret === 'string' ? parseKey(secret) : undefined
  if (layout !== 'v3' && (parts || keyId !== undefined)) {
    throw new TypeError(`logd: ${parts ? "Tailrace's keys are" : 'a keyId is'} for layout v3, not ${layout}`)
  }
  const id = keyId ?? parts?.id ?? role
  if (id === '' || Buffer.byteLength(id) > KEY_ID_BYTES_MAX) {
    throw new TypeError(`logd: a keyId has 1 to ${KEY_ID_BYTES_MAX} bytes`)
  }
  return { key: parts ? signingKeyOf(parts.secret) : secret, keyId: id, layout }
}

function roleOf({ name }: LogdCommand): LogdRole {
  return name === 'write' ? 'write' : 'read'
}

/** A command as the datagram that logd takes: signed for this moment, and good for one sending only. */
export function sign(command: LogdCommand, credentials: LogdCredentials, timeNs = new PacketClock().nowNs()): Buffer {
  return sealerOf(credentials, roleOf(command))(encodeCommand(command), timeNs)
}

export interface OpenCommand {
  layout: PacketLayout
  /** When it was signed, ns since 1970. Whether that is recent enough is for the caller to say. */
  timeNs: bigint
  command: LogdCommand
}

/**
 * The command in a datagram of any layout; `undefined` unless it was signed with these credentials. Throws for no
 * bytes, but TypeError for credentials that are none.
 */
export function open(datagram: Uint8Array, credentials: LogdCredentials): OpenCommand | undefined {
  const opened = openPacket(datagram)
  const keys = (['write', 'read'] as const).map((role) => signingKeyFor(credentials, role))
  const [signing] = keys
  if (!opened || !signing) return undefined
  const isMeant = opened.layout !== 'v3' || keys.some(({ keyId }) => keyId === opened.keyId)
  if (!isMeant || !isPacketSignedWith(opened, signing.key)) return undefined
  const command = decodeCommand(opened.payload)
  return command && { layout: opened.layout, timeNs: opened.timeNs, command }
}

import type { EventView } from '../../core/batch.ts'
import { isAllowed, OPEN_PRINCIPAL, type Principal } from '../../core/principal.ts'
import type { PacketLayout } from '../../wire/logd/packet.ts'
import { createHashRoom, KeyCheck, PacketHeader, SecretCheck, type PacketCheck } from '../../wire/logd/packet-check.ts'
import type { DropReason, LogdKey, LogdSettings, TimeWindow } from './settings.ts'
import { SignatureMemory } from './signature-memory.ts'

/** Who a packet is from. The same object for all packets of one secret or key. */
export interface Sender {
  /** Tells senders apart: a secret's name, or the id of a key. */
  readonly id: string
  readonly canRead: boolean
  readonly canWrite: boolean
  readonly principal: Principal
  readonly matches: ((event: EventView) => boolean) | undefined
  readonly allows?: ((address: string) => boolean) | undefined
}

interface KnownKey {
  given: LogdKey
  check: PacketCheck
  sender: Sender
}

/** Keys whose preparation is remembered. */
const KEYS_KNOWN_MAX = 1000

/** The ids that the secrets have as keys of v3. */
export const SECRET_KEY_IDS = { read: 'read', write: 'write' } as const

/** Lets packets in: signature first, then time, then replay. Nothing of the payload is looked at. */
export class Admission {
  /** Where things stand in the packet asked about last. */
  readonly header = new PacketHeader()
  readonly #settings: LogdSettings
  readonly #room: Buffer
  readonly #secrets: readonly { check: PacketCheck; sender: Sender }[]
  readonly #secretKeys: ReadonlyMap<string, { check: PacketCheck; sender: Sender }>
  readonly #keys = new Map<string, KnownKey>()
  /** Everybody, where a direction is open without secret. */
  readonly #anybody: Sender | undefined
  readonly #memories: Readonly<Record<PacketLayout, SignatureMemory>>
  #sender: Sender | undefined

  constructor(settings: LogdSettings, startMs: number) {
    const { readSecret, writeSecret, isInsecure, windows, limits } = settings
    this.#settings = settings
    this.#room = createHashRoom(Math.max(Buffer.byteLength(readSecret), Buffer.byteLength(writeSecret)))
    const given = secretSenders(readSecret, writeSecret)
    this.#secrets = given.map(({ secret, sender }) => ({ check: new SecretCheck(secret, this.#room), sender }))
    this.#secretKeys = new Map(
      given.flatMap(({ secret, sender, ids }) => {
        const check = new KeyCheck(secret, this.#room)
        return ids.map((id) => [id, { check, sender }] as const)
      }),
    )
    if (isInsecure && (readSecret === '' || writeSecret === '')) {
      this.#anybody = sender('anybody', { canRead: readSecret === '', canWrite: writeSecret === '' })
    }
    const budget = { left: limits.signaturesMax }
    const memory = ({ pastMs }: TimeWindow): SignatureMemory =>
      new SignatureMemory({ keepMs: pastMs + limits.arrivalWaitMsMax, budget, startMs })
    this.#memories = { v1: memory(windows.v1), v2: memory(windows.v2), v3: memory(windows.v3) }
  }

  /** Who sent the packet that was let in last. */
  get sender(): Sender | undefined {
    return this.#sender
  }

  /**
   * Why it is not let in; `undefined`: it is. `arrivedMs` is since when it may have been waiting to be read: that does
   * not make it older.
   */
  refuse(packet: Buffer, address: string, nowMs: number, arrivedMs: number): DropReason | undefined {
    const { header } = this
    this.#sender = undefined
    if (!header.read(packet)) return 'short'
    const proven = header.layout === 'v3' ? this.#byKey(packet, address) : this.#bySecret(packet)
    if (!proven) {
      this.#sender = this.#anybody
      return this.#anybody ? undefined : 'signature'
    }
    const { timeMs, layout } = header
    const window = this.#settings.windows[layout]
    // The clock is read in whole milliseconds: what is within the present one is not in the future.
    if (timeMs >= nowMs + window.futureMs + 1) return 'future'
    if (timeMs < arrivedMs - window.pastMs) return 'stale'
    const seen = this.#memories[layout].add(packet, header.sumAt, timeMs, nowMs)
    if (seen === 'replay') return 'replay'
    if (seen === 'forgotten') return 'stale'
    if (seen === 'full') return 'overload'
    this.#sender = proven
    return undefined
  }

  #bySecret(packet: Buffer): Sender | undefined {
    for (const { check, sender } of this.#secrets) if (check.isProven(packet, this.header)) return sender
    return undefined
  }

  #byKey(packet: Buffer, address: string): Sender | undefined {
    const id = this.header.keyId(packet)
    const secret = this.#secretKeys.get(id)
    const key = secret ? undefined : this.#known(id)
    const { check, sender } = secret ?? key ?? {}
    if (check?.isProven(packet, this.header) !== true || sender?.allows?.(address) === false) return undefined
    key?.given.noteUse?.()
    return sender
  }

  #known(id: string): KnownKey | undefined {
    const given = this.#settings.keyOf(id)
    if (!given) {
      this.#keys.delete(id)
      return undefined
    }
    let known = this.#keys.get(id)
    if (known?.given !== given) {
      if (this.#keys.size >= KEYS_KNOWN_MAX) this.#keys.clear()
      const { principal, matches, allows } = given
      const rights = { canRead: isAllowed(principal, 'read'), canWrite: isAllowed(principal, 'write') }
      known = {
        given,
        check: new KeyCheck(given.key, this.#room),
        sender: { id, principal, matches, allows, ...rights },
      }
      this.#keys.set(id, known)
    }
    return known
  }
}

/** The write secret first: most packets are written. One secret for both directions is one sender. */
function secretSenders(readSecret: string, writeSecret: string): { secret: string; sender: Sender; ids: string[] }[] {
  const { read, write } = SECRET_KEY_IDS
  if (readSecret !== '' && readSecret === writeSecret) {
    return [{ secret: readSecret, sender: sender('secret', { canRead: true, canWrite: true }), ids: [read, write] }]
  }
  return [
    { secret: writeSecret, sender: sender('write secret', { canRead: false, canWrite: true }), ids: [write] },
    { secret: readSecret, sender: sender('read secret', { canRead: true, canWrite: false }), ids: [read] },
  ].filter(({ secret }) => secret !== '')
}

function sender(id: string, rights: { canRead: boolean; canWrite: boolean }): Sender {
  const role = rights.canWrite ? 'write' : 'read'
  return {
    id,
    ...rights,
    matches: undefined,
    principal: { ...OPEN_PRINCIPAL, by: 'signature', name: `logd ${id}`, role },
  }
}

import { randomBytes } from 'node:crypto'
import type { Principal } from '../../core/principal.ts'
import { OPEN_PRINCIPAL } from '../../core/principal.ts'
import {
  decodePing,
  encodeHelo,
  encodePong,
  isSameDigest,
  passwordDigest,
  sharedKeyDigest,
  type Challenge,
  type Ping,
} from '../../wire/forward/handshake.ts'
import type { ForwardSettings } from './settings.ts'

const NONCE_BYTES = 16

/** Who writes with the shared key, or where nothing has to be shown. */
const SHARED: Principal = { ...OPEN_PRINCIPAL, by: 'signature', name: 'forward shared key', role: 'write' }
const ANYBODY: Principal = { ...OPEN_PRINCIPAL, name: 'forward', role: 'write' }

export interface Admitted {
  principal: Principal
  /** What the sender calls its machine; `undefined` when it did not have to say. */
  hostname: string | undefined
}

/** Decides who may write: at once, or after a handshake. */
export class Doorkeeper {
  readonly #settings: ForwardSettings
  readonly #hostname: string

  constructor(settings: ForwardSettings, hostname: string) {
    this.#settings = settings
    // Clients refuse a server that is called as they are, and many are called as the machine.
    this.#hostname = `tailrace.${hostname}`
  }

  /** Who may write without handshake; `undefined`: there has to be one. */
  withoutHandshake(): Principal | undefined {
    const { address, sharedKey, isInsecure, openPrincipal } = this.#settings
    // Who may use a socket in the file system its permissions say.
    if (address.protocol === 'unix' || isInsecure) return ANYBODY
    return sharedKey === '' ? openPrincipal() : undefined
  }

  challenge(): Challenge {
    return { nonce: randomBytes(NONCE_BYTES), authSalt: randomBytes(NONCE_BYTES) }
  }

  helo(challenge: Challenge): Buffer {
    return encodeHelo(challenge)
  }

  /** What is answered to the message at `at`, and who that lets in. `undefined`: it is no PING. */
  answer(
    bytes: Buffer,
    at: number,
    challenge: Challenge,
    address: string,
  ): { pong: Buffer; admitted: Admitted | undefined } | undefined {
    const ping = decodePing(bytes, at)
    if (!ping) return undefined
    const known = ping.username === '' ? this.#byName(ping, challenge) : this.#byKey(ping, challenge, address)
    if (!known) {
      const reason = 'the shared key, or the user name and the password, are not valid'
      return { pong: encodePong({ reason, hostname: this.#hostname, sharedKeyDigest: '' }), admitted: undefined }
    }
    const digest = sharedKeyDigest(ping.salt, this.#hostname, challenge.nonce, known.sharedKey)
    const pong = encodePong({ reason: '', hostname: this.#hostname, sharedKeyDigest: digest })
    return { pong, admitted: { principal: known.principal, hostname: ping.hostname || undefined } }
  }

  #byName(ping: Ping, challenge: Challenge): Known | undefined {
    const { sharedKey } = this.#settings
    if (sharedKey === '' || !hasSharedKey(ping, challenge, sharedKey)) return undefined
    return { sharedKey, principal: SHARED }
  }

  /** The user name is the id of a key, and its signing key the password; it may be the shared key as well. */
  #byKey(ping: Ping, challenge: Challenge, address: string): Known | undefined {
    const given = this.#settings.keyOf(ping.username)
    if (!given?.allows(address)) return undefined
    const own = Buffer.from(given.key).toString('base64url')
    const expected = passwordDigest(challenge.authSalt, ping.username, own)
    if (!isSameDigest(ping.passwordDigest, expected)) return undefined
    const sharedKey = [own, this.#settings.sharedKey].find((key) => key !== '' && hasSharedKey(ping, challenge, key))
    if (sharedKey === undefined) return undefined
    given.noteUse?.()
    return { sharedKey, principal: given.principal }
  }
}

interface Known {
  sharedKey: string
  principal: Principal
}

function hasSharedKey(ping: Ping, { nonce }: Challenge, key: string): boolean {
  return isSameDigest(ping.sharedKeyDigest, sharedKeyDigest(ping.salt, ping.hostname, nonce, key))
}

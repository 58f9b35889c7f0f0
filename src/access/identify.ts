import { hash } from 'node:crypto'
import type { Counter, Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import { OPEN_PRINCIPAL, type Principal } from '../core/principal.ts'
import { parseKey } from '../core/signing.ts'
import type { Identity, PacketKey, RequestHead } from './access.ts'
import type { AddressRule } from './addresses.ts'
import type { KeyEntry, Keyring, SessionFacts } from './keyring.ts'
import type { Life, Lives } from './lives.ts'
import { assertOwnPage } from './origin.ts'
import { readPresented } from './presented.ts'
import { createPrincipal } from './principals.ts'
import type { RefusalReason, Refusals } from './refusals.ts'
import type { ReplayWindow } from './replays.ts'
import { isSameSecret, sha256 } from './secrets.ts'
import type { createSessions } from './sessions.ts'
import { checkSignature } from './signed-request.ts'
import { tokenAllows, type createTokens } from './tokens.ts'

export interface IdentifierOptions {
  keyring: Keyring
  lives: Lives
  clock: () => number
  counters: Counters
  refusals: Refusals
  replays: ReplayWindow
  tokens: ReturnType<typeof createTokens>
  sessions: ReturnType<typeof createSessions>
}

/** Somebody who was found to be who they say, as long as `life` lasts and from where `allowsAddress`. */
interface Admission {
  key: KeyEntry
  identity: Identity
  life: Life
  allowsAddress: AddressRule
}

/** Keys, tokens and sessions that need not be checked anew with every request. */
const ADMISSIONS_MAX = 10_000
const AUTHORIZATION = /^(bearer|basic) +(\S+)$/i
/** What people try. */
const KEY_IN_URL = /[?&](?:key=tr[kt]_|(?:access_)?token=)/i
/** Stands in for keys that do not exist, so that these take as long to refuse. */
const NO_DIGEST = sha256('no key has this secret')

/** Finds out who sends a request. */
export class Identifier {
  readonly #options: IdentifierOptions
  /** SHA-256 of what was shown → who that is. */
  readonly #admissions = new Map<string, Admission>()
  readonly #keyPrincipals = new WeakMap<KeyEntry, Admission>()
  readonly #signaturePrincipals = new WeakMap<KeyEntry, Principal>()
  readonly #packetKeys = new WeakMap<KeyEntry, PacketKey>()
  readonly #sessions = new WeakMap<Principal, SessionFacts>()
  readonly #identified = new Map<Principal['by'], Counter>()
  readonly #open: Identity

  constructor(options: IdentifierOptions) {
    this.#options = options
    const { keyring, lives } = options
    this.#open = { principal: openPrincipal(keyring, lives) }
  }

  identify(head: RequestHead): Identity {
    const presented = readPresented(head)
    if (this.#options.keyring.isOpen) return this.#admitted(this.#open)
    switch (presented.kind) {
      case 'authorization':
        return this.#known(presented.header, head.address, () => this.#byAuthorization(presented.header))
      case 'cookie':
        this.#assertOwnPage(head)
        return this.#known(presented.session, head.address, () => this.#bySession(presented.session))
      case 'signature':
        return this.#bySignature(head)
      case 'nothing':
        throw keyRequired(head.url)
    }
  }

  /** The key with this text. Throws KEY_REFUSED. */
  keyOf(text: string, address: string): KeyEntry {
    const { clock, refusals } = this.#options
    const key = this.#checkedKey(text)
    if (typeof key === 'string') throw refusals.key(key)
    const reason = endOf(key, key, clock()) ?? (key.allowsAddress(address) ? undefined : 'address')
    if (reason) throw refusals.key(reason)
    return key
  }

  /** See `Access.packetKey`. */
  packetKey(id: string): PacketKey | undefined {
    const { keyring, clock } = this.#options
    const key = keyring.entry(id)
    if (!key?.signingKey || key.isOver(clock())) return undefined
    let packetKey = this.#packetKeys.get(key)
    if (!packetKey) {
      const noteUse = (): void => void (key.lastUsedMs = clock())
      packetKey = { key: key.signingKey, principal: this.#signaturePrincipal(key), allows: key.allowsAddress, noteUse }
      this.#packetKeys.set(key, packetKey)
    }
    return packetKey
  }

  /** The principal of a session that was opened just now. */
  admitSession(cookie: string, key: KeyEntry, session: SessionFacts): Principal {
    const admission = this.#sessionAdmission(key, session)
    this.#remember(digestOf(cookie), admission)
    return admission.identity.principal
  }

  sessionOf(principal: Principal): SessionFacts | undefined {
    return this.#sessions.get(principal)
  }

  /** Drops who is no more. */
  sweep(): void {
    const nowMs = this.#options.clock()
    for (const [digest, { life }] of this.#admissions) if (life.isOver(nowMs)) this.#admissions.delete(digest)
  }

  /** The same thing shown again is the same principal, unless something has ended since. */
  #known(shown: string, address: string, check: () => Admission | RefusalReason): Identity {
    const { clock, refusals } = this.#options
    const nowMs = clock()
    const digest = digestOf(shown)
    let admission: Admission | RefusalReason | undefined = this.#admissions.get(digest)
    if (!admission) {
      admission = check()
      if (typeof admission === 'string') throw refusals.key(admission)
    }
    const { key, identity, life } = admission
    const ended = endOf(key, life, nowMs)
    if (ended) {
      this.#admissions.delete(digest)
      throw refusals.key(ended)
    }
    if (!admission.allowsAddress(address)) throw refusals.key('address')
    this.#remember(digest, admission)
    key.lastUsedMs = nowMs
    return this.#admitted(identity)
  }

  #byAuthorization(header: string): Admission | RefusalReason {
    const [, scheme = '', shown = ''] = AUTHORIZATION.exec(header) ?? []
    const text = scheme.toLowerCase() === 'basic' ? passwordIn(shown) : shown
    if (text.startsWith('trt_')) return this.#byToken(text)
    const key = this.#checkedKey(text)
    if (typeof key === 'string') return text.startsWith('trk_') ? key : 'unreadable'
    return this.#keyAdmission(key)
  }

  /** Takes the same time whether or not there is such a key, and wherever its secret differs. */
  #checkedKey(text: string): KeyEntry | RefusalReason {
    const parts = parseKey(text)
    const key = parts && this.#options.keyring.entry(parts.id)
    const isRight = isSameSecret(sha256(parts?.secret ?? text), key?.secretSha256 ?? NO_DIGEST)
    if (!key) return 'unknown'
    return isRight ? key : 'secret'
  }

  #keyAdmission(key: KeyEntry): Admission {
    const known = this.#keyPrincipals.get(key)
    if (known) return known
    const principal = createPrincipal({ by: 'key', key, rights: key.record, life: key }, this.#options.lives)
    const admission = { key, identity: { principal }, life: key, allowsAddress: key.allowsAddress }
    this.#keyPrincipals.set(key, admission)
    return admission
  }

  #byToken(text: string): Admission | RefusalReason {
    const { tokens, lives } = this.#options
    const found = tokens.read(text)
    if (!found) return 'token'
    const { key, rights, life } = found
    const principal = createPrincipal({ by: 'token', key, rights, life }, lives)
    return { key, identity: { principal }, life, allowsAddress: tokenAllows(key, rights) }
  }

  #bySession(cookie: string): Admission | RefusalReason {
    const found = this.#options.sessions.read(cookie)
    return found ? this.#sessionAdmission(found.key, found.session) : 'session'
  }

  #sessionAdmission(key: KeyEntry, session: SessionFacts): Admission {
    const { sessions, lives } = this.#options
    const life = sessions.life(session, key)
    const principal = createPrincipal({ by: 'session', key, rights: key.record, life }, lives)
    this.#sessions.set(principal, session)
    return { key, identity: { principal }, life, allowsAddress: key.allowsAddress }
  }

  #bySignature(head: RequestHead): Identity {
    const nowMs = this.#options.clock()
    const signed = checkSignature(head, nowMs, this.#options)
    const { key } = signed
    key.lastUsedMs = nowMs
    const principal = this.#signaturePrincipal(key)
    if (signed.kind === 'request') return this.#admitted({ principal, bodySha256: signed.bodySha256 })
    const claimed: [string, string][] = [
      ['service', signed.service],
      ['level', signed.level],
    ]
    return this.#admitted({ principal: { ...principal, stamps: new Map([...claimed, ...principal.stamps]) } })
  }

  #signaturePrincipal(key: KeyEntry): Principal {
    let principal = this.#signaturePrincipals.get(key)
    if (!principal) {
      principal = createPrincipal({ by: 'signature', key, rights: key.record, life: key }, this.#options.lives)
      this.#signaturePrincipals.set(key, principal)
    }
    return principal
  }

  #assertOwnPage(head: RequestHead): void {
    try {
      assertOwnPage(head)
    } catch (error) {
      this.#options.refusals.count('origin')
      throw error
    }
  }

  #remember(digest: string, admission: Admission): void {
    if (this.#admissions.has(digest)) return
    if (this.#admissions.size >= ADMISSIONS_MAX) {
      const [oldest] = this.#admissions.keys()
      if (oldest !== undefined) this.#admissions.delete(oldest)
    }
    this.#admissions.set(digest, admission)
  }

  #admitted(identity: Identity): Identity {
    const { by } = identity.principal
    let counter = this.#identified.get(by)
    if (!counter) {
      counter = this.#options.counters.counter('access_identified_total', { by })
      this.#identified.set(by, counter)
    }
    counter.add()
    return identity
  }
}

function keyRequired(url: string): AppError {
  const isInUrl = KEY_IN_URL.test(url)
  return new AppError('KEY_REQUIRED', {
    detail: 'The request shows no key.',
    hint: isInUrl
      ? 'A key is never taken from the address, which ends up in logs: send Authorization: Bearer <key>.'
      : 'Send Authorization: Bearer <key>; commands take it from --key-file or TAILRACE_KEY.',
  })
}

/** Why it is over, as an operator would say it; `undefined` while it is not. */
function endOf(key: KeyEntry, life: Life, nowMs: number): RefusalReason | undefined {
  if (!life.isOver(nowMs)) return undefined
  if (key.record.revokedMs !== null) return 'revoked'
  return nowMs >= life.expiresMs ? 'expired' : 'session'
}

/** Everybody, until there is a key: then what was begun without one ends. */
function openPrincipal(keyring: Keyring, lives: Lives): Principal {
  const life = openLife(keyring)
  return { ...OPEN_PRINCIPAL, onEnded: (listener) => lives.onEnded(life, listener) }
}

/** What lasts as long as there are no keys. */
export function openLife(keyring: Keyring): Life {
  return { expiresMs: Infinity, isOver: () => !keyring.isOpen }
}

/** RFC 7617: the user name, which has no colon, is for people; the password decides. */
function passwordIn(encoded: string): string {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? '' : text.slice(colon + 1)
}

function digestOf(shown: string): string {
  return hash('sha256', shown, 'base64')
}

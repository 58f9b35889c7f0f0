import type { Role } from '../core/principal.ts'
import { ACCESS_LIMITS, type Access, type AccessLimits, type AccessOptions, type ForeignChange } from './access.ts'
import { Identifier, openLife } from './identify.ts'
import { KeyStore } from './key-store.ts'
import type { KeyDeed, KeyFile } from './key-file.ts'
import { Keyring } from './keyring.ts'
import { createKeyTable, keyInfo, timeText } from './keys.ts'
import { Lives } from './lives.ts'
import { Refusals } from './refusals.ts'
import { ReplayFile } from './replay-file.ts'
import { ReplayWindow } from './replays.ts'
import { createSessions } from './sessions.ts'
import { createTokens } from './tokens.ts'

/** Opens the table of keys in the data folder. Rejects with CONFIG_INVALID when it is damaged or cannot be read. */
export async function openAccess(options: AccessOptions): Promise<Access> {
  const { dir, clock, counters, logger, checkFilter } = options
  const limits: AccessLimits = { ...ACCESS_LIMITS, ...options.limits }
  const refusals = new Refusals(counters)
  const keyring = new Keyring()
  const lives = new Lives(clock, logger)
  let identifier: Identifier | undefined
  const foreignListeners: ((change: ForeignChange) => void)[] = []
  const store = await KeyStore.open({
    dir,
    clock,
    logger,
    onChange: (file) => {
      keyring.adopt(file)
      identifier?.sweep()
      lives.sweep()
    },
    onForeignChange: (before, after) =>
      foreignChanges(before, after).forEach((change) => foreignListeners.forEach((listener) => listener(change))),
  })
  const { signatureSkewMs: skewMs, signaturesMax, tokenMsMax, sessionMs, keysMax } = limits
  const replayFile = new ReplayFile(options)
  const replays = new ReplayWindow({
    skewMs,
    signaturesMax,
    startMs: clock(),
    known: await replayFile.read(),
    onAhead: (received) => replayFile.append(received),
  })
  await replayFile.keep(replays)
  const tokens = createTokens({ keyring, clock, checkFilter, tokenMsMax })
  const sessions = createSessions({ store, keyring, sessionMs })
  const known = new Identifier({ keyring, lives, clock, counters, refusals, replays, tokens, sessions })
  identifier = known
  const lastUsedMs = (id: string): number | undefined => keyring.entry(id)?.lastUsedMs
  store.watch()
  return {
    get isOpen() {
      return keyring.isOpen
    },
    keys: createKeyTable({ store, clock, checkFilter, keysMax, lastUsedMs, isForeign: false }),
    identify: (head) => known.identify(head),
    packetKey: (id) => known.packetKey(id),
    createToken: (principal, token) => tokens.create(principal, token),
    openSession(text, address) {
      const key = known.keyOf(text, address)
      const { session, cookie } = sessions.open(key, clock())
      const principal = known.admitSession(cookie, key, session)
      return { principal, cookie, expires: timeText(session.expiresMs) }
    },
    async closeSession(principal) {
      const session = known.sessionOf(principal)
      if (session) await sessions.close(session)
      else if (principal.by === 'session') throw new Error('a session to close is not known: its principal was copied')
    },
    sessionExpires(principal) {
      const session = known.sessionOf(principal)
      return session && timeText(session.expiresMs)
    },
    onKeyEnded: (id, listener) => onKeyEnded(id, listener, { keyring, lives, clock }),
    onForeignChange: (listener) => void foreignListeners.push(listener),
    ...untoldDeeds(store),
    status: () => ({ open: keyring.isOpen, keys: validKeys(keyring, clock()) }),
    async close() {
      await store.close()
      await replayFile.close()
      lives.close()
    },
  }
}

function onKeyEnded(
  id: string,
  listener: () => void,
  { keyring, lives, clock }: { keyring: Keyring; lives: Lives; clock: () => number },
): (() => void) | undefined {
  const life = id === '' ? openLife(keyring) : keyring.entry(id)
  return !life || life.isOver(clock()) ? undefined : lives.onEnded(life, listener)
}

/** Keys that are new or revoked since. */
function foreignChanges(before: KeyFile | undefined, after: KeyFile): ForeignChange[] {
  const known = new Map(before?.keys.map((key) => [key.id, key]))
  return after.keys.flatMap((key): ForeignChange[] => {
    const was = known.get(key.id)
    const info = keyInfo(key, undefined)
    if (!was) return [{ action: 'created', key: info }]
    return was.revokedMs === null && key.revokedMs !== null ? [{ action: 'revoked', key: info }] : []
  })
}

function untoldDeeds(store: KeyStore): Pick<Access, 'untold' | 'forgetTold'> {
  return {
    untold: () => store.file?.untold ?? [],
    async forgetTold(deeds) {
      const told = new Set(deeds.map(deedName))
      await store.change((file) => {
        const untold = file.untold.filter((deed) => !told.has(deedName(deed)))
        return untold.length === file.untold.length ? file : { ...file, untold }
      })
    },
  }
}

/** A key is made once, and revoked once. */
function deedName({ action, id }: KeyDeed): string {
  return `${action} ${id}`
}

function validKeys(keyring: Keyring, nowMs: number): Record<Role, number> {
  const counts = { read: 0, write: 0, admin: 0 }
  for (const key of keyring.entries()) if (!key.isOver(nowMs)) counts[key.record.role]++
  return counts
}

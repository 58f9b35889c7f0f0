import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError } from '../../core/errors.ts'
import { NS_PER_MS, parseDuration } from '../../core/time.ts'
import type { Principal } from '../../core/principal.ts'
import { streamPath } from '../../streams/stream-name.ts'
import type { ShareRecord } from '../../streams/record.ts'
import type { Stream } from '../../streams/stream.ts'
import { isOwner, isVisible } from './fields.ts'
import type { LivestreamContext } from './settings.ts'

/** Links to one stream. */
const SHARES_MAX = 100
const SHARE_ID_CHARS = 12
export const SHARE_DAYS_DEFAULT = '7d'
/** Longest time that a timer of Node takes. */
const TIMER_MS_MAX = 2 ** 31 - 1
/** What vouches for a link: not a token, which the link would outlive, nor a signature, which may be of three words only. */
const LINKERS: ReadonlySet<Principal['by']> = new Set(['open', 'key', 'session'])

/** Makes a link that shows a stream to whoever has it, until it expires or the key that made it ends. */
export async function shareStream(
  stream: Stream,
  principal: Principal,
  expires: string,
  { context, shareMsMax }: { context: Pick<LivestreamContext, 'catalog' | 'clock'>; shareMsMax: number },
): Promise<{ id: string; path: string; expires: string }> {
  if (!LINKERS.has(principal.by)) {
    throw new AppError('ACCESS_DENIED', {
      detail: 'Links are made with a key or a session.',
      hint: 'Authorization: Bearer <key>',
    })
  }
  const lifeMs = Number(parseDuration(expires) ?? 0n) / Number(NS_PER_MS)
  if (lifeMs <= 0 || lifeMs > shareMsMax) {
    throw new AppError('REQUEST_INVALID', {
      detail: `expires: ${JSON.stringify(expires.slice(0, 100))} is no duration up to the limit of ${shareMsMax / 3_600_000} hours`,
      hint: 'A duration such as 12h or 7d; the limit is the setting streams.shareAgeMax.',
    })
  }
  const nowMs = Number(context.clock() / NS_PER_MS)
  const valid = stream.shares.filter(({ expiresMs }) => expiresMs > nowMs)
  if (valid.length >= SHARES_MAX) {
    throw new AppError('STREAM_SHARES_FULL', { detail: `There are ${SHARES_MAX} links to this stream.` })
  }
  const secret = randomBytes(32).toString('base64url')
  const share = { digest: digestOf(secret).toString('base64url'), expiresMs: nowMs + lifeMs, keyId: principal.keyId }
  await context.catalog.setShares(stream, [...valid, share])
  return {
    id: shareId(share),
    path: `/shared/${streamPath(stream.name)}?token=${secret}`,
    expires: new Date(share.expiresMs).toISOString(),
  }
}

/** The stream that a link shows, and how long. Throws SHARE_NOT_FOUND: whatever is wrong looks the same. */
export function sharedStream(
  name: string,
  secret: string,
  { catalog, clock, onKeyEnded }: Pick<LivestreamContext, 'catalog' | 'clock' | 'onKeyEnded'>,
  ends: ShareEnds,
): { stream: Stream; signal: AbortSignal; forget: () => void } {
  const digest = digestOf(secret)
  const stream = catalog.get(name)
  const share = findShare(stream?.shares ?? [], digest)
  const leftMs = (share?.expiresMs ?? 0) - Number(clock() / NS_PER_MS)
  const ended = new AbortController()
  const end = (): void => ended.abort()
  const forgetKey = share && leftMs > 0 ? onKeyEnded(share.keyId, end) : undefined
  if (!stream || !forgetKey) throw new AppError('SHARE_NOT_FOUND')
  const timer = setTimeout(end, Math.min(leftMs, TIMER_MS_MAX))
  timer.unref()
  const forgetShare = ends.onEnd(share?.digest ?? '', end)
  const forget = (): void => {
    clearTimeout(timer)
    forgetKey()
    forgetShare()
  }
  return { stream, signal: ended.signal, forget }
}

/** Tells who reads through a link that it was taken back. */
export class ShareEnds {
  readonly #listeners = new Map<string, Set<() => void>>()

  /** Returns what takes the listener away again. */
  onEnd(digest: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(digest) ?? new Set()
    this.#listeners.set(digest, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(digest) === listeners) this.#listeners.delete(digest)
    }
  }

  end(digest: string): void {
    for (const listener of this.#listeners.get(digest) ?? []) listener()
  }
}

/** A link as it is listed: with nothing that would show the stream. */
export interface ListedShare {
  id: string
  stream: string
  expires: string
  /** Id of the key that made it; empty: nobody had a key. */
  key: string
  /** Whether whoever asks may take it back. */
  isRemovable: boolean
}

type ShareContext = Pick<LivestreamContext, 'catalog' | 'clock' | 'mayRead'>

/** Links to streams that this principal could make links to, those that last longest first. */
export function listShares(context: ShareContext, principal: Principal, stream?: string): ListedShare[] {
  const found: [ShareRecord, ListedShare][] = []
  for (const [share, of] of validShares(context, principal)) {
    if (stream !== undefined && of.name !== stream) continue
    const { expiresMs, keyId: key } = share
    const expires = new Date(expiresMs).toISOString()
    const isRemovable = mayRevoke(principal, of, share)
    found.push([share, { id: shareId(share), stream: of.name, expires, key, isRemovable }])
  }
  return found.sort(([a], [b]) => b.expiresMs - a.expiresMs).map(([, listed]) => listed)
}

/**
 * Takes a link back: it shows nothing any more, and who reads through it is cut off. For who made it, who wrote the
 * stream, and admins. Throws SHARE_NOT_FOUND, also for links that may not be seen, and ACCESS_DENIED.
 */
export async function revokeShare(
  id: string,
  principal: Principal,
  { context, ends }: { context: ShareContext; ends: ShareEnds },
): Promise<Stream> {
  for (const [share, stream] of validShares(context, principal)) {
    if (shareId(share) !== id) continue
    if (!mayRevoke(principal, stream, share)) {
      throw new AppError('ACCESS_DENIED', { detail: 'Links are taken back by who made them and who wrote the stream.' })
    }
    await context.catalog.setShares(
      stream,
      stream.shares.filter(({ digest }) => digest !== share.digest),
    )
    ends.end(share.digest)
    return stream
  }
  throw new AppError('SHARE_NOT_FOUND', { detail: `There is no link ${id.slice(0, 100)}.` })
}

function* validShares(context: ShareContext, principal: Principal): Generator<[ShareRecord, Stream]> {
  const nowMs = Number(context.clock() / NS_PER_MS)
  for (const stream of context.catalog.all()) {
    if (stream.shares.length === 0 || !mayShare(context, principal, stream)) continue
    for (const share of stream.shares) if (share.expiresMs > nowMs) yield [share, stream]
  }
}

/** Who may read the stream, or has written it. */
function mayShare(context: Pick<LivestreamContext, 'mayRead'>, principal: Principal, stream: Stream): boolean {
  return principal.role === 'read' ? isVisible(context, principal, stream) : isOwner(principal, stream)
}

function mayRevoke(principal: Principal, stream: Stream, { keyId }: ShareRecord): boolean {
  return isOwner(principal, stream) || (keyId !== '' && keyId === principal.keyId)
}

/** A part of the hash of its secret, which tells nothing about that. */
function shareId({ digest }: ShareRecord): string {
  return digest.slice(0, SHARE_ID_CHARS)
}

/** Looks at all of them, and takes the same time wherever they differ. */
function findShare(shares: readonly ShareRecord[], digest: Buffer): ShareRecord | undefined {
  let found: ShareRecord | undefined
  for (const share of shares) {
    const known = Buffer.from(share.digest, 'base64url')
    if (known.length === digest.length && timingSafeEqual(known, digest)) found = share
  }
  return found
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

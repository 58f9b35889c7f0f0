import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError } from '../../core/errors.ts'
import { NS_PER_MS, parseDuration } from '../../core/time.ts'
import type { Principal } from '../../core/principal.ts'
import { streamPath } from '../../streams/stream-name.ts'
import type { ShareRecord } from '../../streams/record.ts'
import type { Stream } from '../../streams/stream.ts'
import type { LivestreamContext } from './settings.ts'

/** Links to one stream. */
const SHARES_MAX = 100
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
): Promise<{ path: string; expires: string }> {
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
    path: `/shared/${streamPath(stream.name)}?token=${secret}`,
    expires: new Date(share.expiresMs).toISOString(),
  }
}

/** The stream that a link shows, and how long. Throws SHARE_NOT_FOUND: whatever is wrong looks the same. */
export function sharedStream(
  name: string,
  secret: string,
  { catalog, clock, onKeyEnded }: Pick<LivestreamContext, 'catalog' | 'clock' | 'onKeyEnded'>,
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
  const forget = (): void => {
    clearTimeout(timer)
    forgetKey()
  }
  return { stream, signal: ended.signal, forget }
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

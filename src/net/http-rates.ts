import { isIP } from 'node:net'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { Principal } from '../core/principal.ts'
import { addressBlock } from './address-block.ts'
import type { HttpServerLimits } from './http-limits.ts'
import { RateLimit } from './rate-limit.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000

/** Where a request comes from: a request of Fastify, for one. */
export interface Sender {
  /** As a trusted proxy says, or the other end of the connection. */
  ip: string
  socket: { remoteAddress?: string | undefined }
}

/** How often somebody may ask. What admits throws TOO_MANY_REQUESTS, which says when to come back. */
export interface HttpRates {
  /** Before it is known who asks. */
  admitAddress(sender: Sender): void
  admitKey(principal: Principal): void
  /**
   * What the request showed was not valid. Counted for its address, and the answer is `refusal`, or TOO_MANY_REQUESTS
   * once there were too many. Valid keys are none the wiser: else anybody behind an address could lock out the others.
   */
  failed<T extends Error>(sender: Sender, refusal: T): T | AppError
  /** The same for what says itself whether it is one of these refusals; all else stays as it is. */
  counted<T extends Error>(sender: Sender, error: T): T | AppError
  /** Whether the next failure of this address is one too many. */
  isOverFailures(sender: Sender): boolean
}

type Limits = Pick<
  HttpServerLimits,
  'requestsPerSecondPerAddressMax' | 'requestsPerSecondPerKeyMax' | 'failuresPerMinuteMax' | 'rateNamesMax'
>

export function createRates(limits: Limits, counters: Counters, clock: () => number): HttpRates {
  const { requestsPerSecondPerAddressMax, requestsPerSecondPerKeyMax, failuresPerMinuteMax, rateNamesMax } = limits
  const rate = (max: number, windowMs: number) => new RateLimit({ max, windowMs, namesMax: rateNamesMax, clock })
  const addresses = rate(requestsPerSecondPerAddressMax, SECOND_MS)
  const keys = rate(requestsPerSecondPerKeyMax, SECOND_MS)
  const failures = rate(failuresPerMinuteMax, MINUTE_MS)
  const limited = (limit: string, waitMs: number, detail: string): AppError => {
    counters.add('http_limited_total', { limit })
    return new AppError('TOO_MANY_REQUESTS', { detail, retryAfterSeconds: Math.ceil(waitMs / SECOND_MS) })
  }
  const failed: HttpRates['failed'] = (sender, refusal) => {
    const waitMs = failures.take(senderBlock(sender))
    if (waitMs === 0) return refusal
    const detail = `more than ${failuresPerMinuteMax} keys from here were not valid within a minute`
    return limited('failures', waitMs, detail)
  }
  return {
    admitAddress(sender) {
      const waitMs = addresses.take(senderBlock(sender))
      if (waitMs === 0) return
      throw limited('address', waitMs, `more than ${requestsPerSecondPerAddressMax} requests a second from here`)
    },
    admitKey({ keyId }) {
      const waitMs = keyId === '' ? 0 : keys.take(keyId)
      if (waitMs === 0) return
      throw limited('key', waitMs, `more than ${requestsPerSecondPerKeyMax} requests a second with this key`)
    },
    failed,
    counted: (sender, error) => (isRefusal(error) ? failed(sender, error) : error),
    isOverFailures: (sender) => failures.waitMs(senderBlock(sender)) > 0,
  }
}

function isRefusal(error: Error): boolean {
  return error instanceof AppError && (error.code === 'KEY_REFUSED' || error.code === 'SIGNATURE_REFUSED')
}

/** The address that a request comes from, or its network. What a proxy says and is no address does not count. */
function senderBlock({ ip, socket }: Sender): string {
  // While a connection breaks it has no address any more.
  const peer = socket.remoteAddress ?? ''
  if (ip === peer || isIP(ip) === 0) return addressBlock(peer)
  // A copy: a part of a text keeps the whole of it, here a header, in memory.
  return Buffer.from(addressBlock(ip)).toString()
}

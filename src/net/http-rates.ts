import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { Counters } from '../core/counters.ts'
import { AppError } from '../core/errors.ts'
import type { Principal, Right } from '../core/principal.ts'
import { addressBlock } from './address-block.ts'
import type { HttpServerLimits } from './http-limits.ts'
import { RateLimit } from './rate-limit.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60_000
/** Cookies of the page: by one of these a browser shows a session. */
const SESSION_COOKIE = 'tailrace_session='

/** How often somebody may ask. Everything throws TOO_MANY_REQUESTS, which says when to come back. */
export interface HttpRates {
  /** Before it is known who asks. */
  admitAddress(request: FastifyRequest): void
  /**
   * Whether to look at what a request shows. False on public routes, for which that does not matter, when too much from
   * this address was not valid; throws on others.
   */
  admitCredentials(request: FastifyRequest, right: Right): boolean
  admitKey(principal: Principal): void
  /** What the request showed was not valid. */
  noteFailure(request: FastifyRequest): void
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
  const refuse = (limit: string, waitMs: number, detail: string): never => {
    counters.add('http_limited_total', { limit })
    throw new AppError('TOO_MANY_REQUESTS', { detail, retryAfterSeconds: Math.ceil(waitMs / SECOND_MS) })
  }
  return {
    admitAddress(request) {
      const waitMs = addresses.take(senderBlock(request))
      if (waitMs > 0)
        refuse('address', waitMs, `more than ${requestsPerSecondPerAddressMax} requests a second from here`)
    },
    admitCredentials(request, right) {
      const isReading = request.method === 'GET' || request.method === 'HEAD'
      // What is sent to public routes may be a key as well: that is how sessions begin.
      if (!showsSomething(request) && (right !== 'public' || isReading)) return true
      const waitMs = failures.waitMs(senderBlock(request))
      if (waitMs === 0) return true
      if (right === 'public' && isReading) return false
      return refuse(
        'failures',
        waitMs,
        `more than ${failuresPerMinuteMax} keys from here were not valid within a minute`,
      )
    },
    admitKey({ keyId }) {
      const waitMs = keyId === '' ? 0 : keys.take(keyId)
      if (waitMs > 0) refuse('key', waitMs, `more than ${requestsPerSecondPerKeyMax} requests a second with this key`)
    },
    noteFailure: (request) => void failures.take(senderBlock(request)),
  }
}

/** The address that a request comes from, or its network. What a proxy says and is no address does not count. */
function senderBlock({ ip, socket }: FastifyRequest): string {
  // While a connection breaks it has no address any more.
  const peer = socket.remoteAddress ?? ''
  if (ip === peer || isIP(ip) === 0) return addressBlock(peer)
  // A copy: a part of a text keeps the whole of it, here a header, in memory.
  return Buffer.from(addressBlock(ip)).toString()
}

function showsSomething({ headers }: FastifyRequest): boolean {
  const { authorization, cookie } = headers
  if (authorization !== undefined) return true
  if (headers['tailrace-signature'] !== undefined || headers['tailrace-key'] !== undefined) return true
  return cookie?.includes(SESSION_COOKIE) === true
}

/** For tests: an uplink to real servers, whose pauses take no time and are written down. */
import { onTestFinished } from 'vitest'
import { EventBatch, type EventInput } from '../../../core/batch.ts'
import { type ConnectionOptions, openConnection } from '../../connection.ts'
import type { ServerAway, ServerProblem } from '../../failures.ts'
import { Uplink, type UplinkOptions } from '../uplink.ts'

export interface TestUplink {
  uplink: Uplink
  /** Milliseconds of each pause. */
  pauses: number[]
  /** What was told: `failing <url>: <reason>`, `over`, `moved`, `refused`, `replaced`. */
  told: string[]
  /** Asked before each pause with how many there were: what happens meanwhile. */
  onPause: (pauses: number) => Promise<void> | void
  /** Rows that were refused. */
  refused: Uint8Array[]
  abort: (reason: Error) => void
  /** Goes on without a pause. */
  pass(ms: number): void
}

export const FAILOVER_MS = 10_000
export const DOUBT_MS = 60_000
export const RETURN_MS = 30_000

export function openUplink(
  urls: readonly (string | ConnectionOptions)[],
  options: Partial<Pick<UplinkOptions, 'compresses' | 'run' | 'silenceMs'>> = {},
): TestUplink {
  let nowMs = 1000
  const stopping = new AbortController()
  const connections = urls.map((url) => openConnection(typeof url === 'string' ? { url } : url))
  const test: TestUplink = {
    pauses: [],
    told: [],
    refused: [],
    onPause: () => undefined,
    abort: (reason) => stopping.abort(reason),
    pass: (ms) => void (nowMs += ms),
    uplink: new Uplink({
      connections,
      agent: 'a1',
      run: 'r1',
      compresses: () => false,
      patience: {
        async wait(ms, signal) {
          test.pauses.push(ms)
          nowMs += ms
          await test.onPause(test.pauses.length)
          signal?.throwIfAborted()
        },
        random: () => 0,
      },
      signal: stopping.signal,
      failoverMs: FAILOVER_MS,
      silenceMs: 5000,
      doubtMs: DOUBT_MS,
      returnMs: RETURN_MS,
      now: () => nowMs,
      told: {
        failing: (url, error) => void test.told.push(`failing ${url}: ${reasonOf(error)}`),
        over: (url) => void test.told.push(`over ${url}`),
        moved: (from, to) => void test.told.push(`moved ${from} ${to}`),
        refused(delivery, rows, { message }) {
          test.told.push(`refused ${delivery}: ${message}`)
          test.refused.push(rows)
          return Promise.resolve(true)
        },
        replaced: () => void test.told.push('replaced'),
      },
      ...options,
    }),
  }
  onTestFinished(() => test.uplink.close())
  return test
}

function reasonOf(error: ServerAway | ServerProblem): string {
  return 'reason' in error ? error.reason : error.code
}

/** Rows as an agent delivers them. */
export function rowsOf(...events: readonly (string | EventInput)[]): Buffer {
  const batch = new EventBatch()
  for (const event of events) batch.append(typeof event === 'string' ? { message: event } : event)
  return batch.bytes.subarray(0, batch.length)
}

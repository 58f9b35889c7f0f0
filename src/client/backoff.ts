import { setTimeout as delay } from 'node:timers/promises'

/** How to wait between attempts. Parameters so that tests neither wait nor guess. */
export interface Patience {
  /** Resolves after `ms`; rejects when the signal aborts. */
  wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** In [0, 1). */
  random: () => number
}

export const PATIENCE: Patience = {
  wait: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
  random: Math.random,
}

/** Longest time that a timer takes; a longer one would go off at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** A time as a timer takes it: what is too long for one, such as Infinity, is as long as there is. */
export function timerMs(ms: number): number {
  return Math.min(ms, TIMER_MS_MAX)
}

const FIRST_MS = 250
const LONGEST_MS = 15_000

/** Doubles from a quarter second to 15 s; the upper half is random, so that many clients do not come back at once. */
export function backoffMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
  return Math.round(fullMs * (0.5 + random() / 2))
}

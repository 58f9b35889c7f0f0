import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 20

/**
 * Asks again and again until the answer is neither undefined nor false, and resolves with it. An error counts as "not
 * yet". Rejects after `timeoutMs` with what was waited for and the last error.
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 60_000,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`, { cause: last })
    await delay(POLL_MS)
  }
}

/** Runs `act` again and again for `ms`: how a fault is held up. */
export async function keepDoing(ms: number, act: () => void): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    act()
    await delay(POLL_MS)
  }
}

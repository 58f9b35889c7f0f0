/** Hands out received times: nanoseconds since 1970, strictly increasing for as long as the node lives. */
export interface ReceivedClock {
  /** Reserves `count` consecutive nanoseconds and returns the first. Never below what was handed out before. */
  take(count: number): bigint
  /** The newest time handed out. */
  readonly lastNs: bigint
}

/**
 * Follows `now` while it rises and counts on by nanoseconds where it stands still or steps back. `floorNs` is the
 * newest time that an earlier process of this node may have handed out.
 */
export function createReceivedClock(now: () => bigint, floorNs = 0n): ReceivedClock {
  let lastNs = floorNs
  return {
    take(count) {
      const nowNs = now()
      const firstNs = nowNs > lastNs ? nowNs : lastNs + 1n
      lastNs = firstNs + BigInt(count) - 1n
      return firstNs
    },
    get lastNs() {
      return lastNs
    },
  }
}

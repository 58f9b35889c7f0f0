/** Year 2255: what comes after cannot be written as nanoseconds. */
const MS_MAX = 9_000_000_000_000
/** A clock that was set back by less is not worth a word. */
const SET_BACK_MS_MIN = 1000

/** Times of one writer's events. */
export interface EventClock {
  /**
   * RFC 3339 with nine digits, each later than the one before: so no two events of a writer are the same, and they keep
   * their order. A clock that is set forward is followed; while one that was set back says less than before, times go on
   * from where they were, a nanosecond at a time.
   */
  next(): string
  /** What the clock itself said at the last `next`, RFC 3339, where that was much less than what `next` made of it. */
  readonly setBackTo: string | undefined
}

export function createEventClock(nowMs: () => number): EventClock {
  let lastMs = 0
  let count = 0
  let prefix = ''
  let readMs = 0
  return {
    next() {
      // Not a number, where somebody has replaced the clock by something else: then it says nothing.
      readMs = Math.max(0, nowMs())
      if (readMs > lastMs && lastMs < MS_MAX) {
        lastMs = Math.min(readMs, MS_MAX)
        count = 0
        prefix = ''
      } else if (count === 999_999) {
        lastMs++
        count = 0
        prefix = ''
      } else count++
      if (prefix === '') prefix = new Date(lastMs).toISOString().slice(0, -1)
      return `${prefix}${String(count).padStart(6, '0')}Z`
    },
    get setBackTo() {
      return lastMs - readMs >= SET_BACK_MS_MIN ? new Date(readMs).toISOString() : undefined
    },
  }
}

/**
 * Times of one writer's events: RFC 3339 with nine digits, each later than the one before even when the clock is set
 * back, so that no two events of a writer are the same.
 */
export function createEventClock(nowMs: () => number): () => string {
  let lastMs = 0
  let count = 0
  let prefix = ''
  return () => {
    const ms = nowMs()
    if (ms > lastMs) {
      lastMs = ms
      count = 0
      prefix = ''
    } else if (count === 999_999) {
      lastMs++
      count = 0
      prefix = ''
    } else count++
    if (prefix === '') prefix = new Date(lastMs).toISOString().slice(0, -1)
    return `${prefix}${String(count).padStart(6, '0')}Z`
  }
}

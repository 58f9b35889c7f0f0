/** Time for waiting and pacing, as a parameter. */
export interface Clock {
  /** Milliseconds that never go back. */
  nowMs(): number
  /** Calls `run` after so many milliseconds, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void
}

export function createClock(): Clock {
  return {
    nowMs: () => performance.now(),
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
  }
}

/** Chance that repeats: the same seed gives the same sequence. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number, both ends included. */
  integer(from: number, to: number): number
  pick<T>(choices: readonly [T, ...T[]]): T
  /** True in this share of cases. */
  chance(share: number): boolean
  hex(digits: number): string
  /** Around `mean`, seldom far above it: what durations look like. */
  around(mean: number): number
}

/** mulberry32: small, fast, good enough to look like life. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    integer: (from, to) => from + Math.floor(next() * (to - from + 1)),
    pick: (choices) => choices[Math.floor(next() * choices.length)] ?? choices[0],
    chance: (share) => next() < share,
    hex(digits) {
      let text = ''
      for (let index = 0; index < digits; index++) text += Math.floor(next() * 16).toString(16)
      return text
    },
    around: (mean) => mean * Math.exp(0.6 * (next() + next() + next() - 1.5)),
  }
}

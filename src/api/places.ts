/** Counts who is inside. */
export interface Places {
  take(key: string): void
  give(key: string): void
  /** Which of the limits is reached, if one is. */
  refusal(key: string): 'all' | 'key' | undefined
}

export function createPlaces(max: number, perKeyMax: number): Places {
  const byKey = new Map<string, number>()
  let taken = 0
  return {
    take(key) {
      taken++
      byKey.set(key, (byKey.get(key) ?? 0) + 1)
    },
    give(key) {
      taken--
      const left = (byKey.get(key) ?? 0) - 1
      if (left > 0) byKey.set(key, left)
      else byKey.delete(key)
    },
    refusal(key) {
      if (taken >= max) return 'all'
      return key !== '' && (byKey.get(key) ?? 0) >= perKeyMax ? 'key' : undefined
    },
  }
}

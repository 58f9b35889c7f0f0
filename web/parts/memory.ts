/** What this browser keeps for the reader. Without storage (private windows, policies) nothing is kept, and nothing fails. */
export interface Memory {
  read<T>(name: string, fallback: T): T
  write(name: string, value: unknown): void
}

const PREFIX = 'tailrace.'

export function createMemory(storage: () => Storage): Memory {
  return {
    read(name, fallback) {
      try {
        const text = storage().getItem(PREFIX + name)
        return text === null ? fallback : (JSON.parse(text) as typeof fallback)
      } catch {
        // Storage is forbidden, or somebody else wrote there.
        return fallback
      }
    },
    write(name, value) {
      try {
        storage().setItem(PREFIX + name, JSON.stringify(value))
      } catch {
        // Full or forbidden: it is then not remembered.
      }
    },
  }
}

/** What has to be closed when the server ends, or could not start. */
export interface Closing {
  /** What was opened last is closed first. */
  add(close: () => Promise<void> | void): void
  run(): Promise<void>
}

export function createClosing(): Closing {
  const closers: (() => Promise<void> | void)[] = []
  return {
    add: (close) => closers.push(close),
    async run() {
      for (let close = closers.pop(); close; close = closers.pop()) await close()
    },
  }
}

import type { Output } from './terminal.ts'

const FIRST_MS = 1000
const EVERY_MS = 200
const CLEAR_LINE = '\r\u001b[K'

export interface Progress {
  /** Makes room for other output on this terminal; the line comes back by itself. */
  clear(): void
  stop(): void
}

/** A line on the terminal that says how far it is, for what takes longer than a second. Nothing when it is no terminal. */
export function showProgress(output: Output, text: () => string): Progress {
  if (!output.isTerminal) return { clear() {}, stop() {} }
  let isShown = false
  const clear = () => {
    if (isShown) void output.write(CLEAR_LINE)
    isShown = false
  }
  const draw = () => {
    isShown = true
    void output.write(`${CLEAR_LINE}${output.colors.dim(text())}`)
  }
  let interval: NodeJS.Timeout | undefined
  const first = setTimeout(() => {
    draw()
    interval = setInterval(draw, EVERY_MS)
    interval.unref()
  }, FIRST_MS)
  first.unref()
  return {
    clear,
    stop() {
      clearTimeout(first)
      clearInterval(interval)
      clear()
    },
  }
}

/** How the lines of one event are known. `auto`: stack traces and indented lines. */
export type Multiline = 'auto' | 'off' | { start: RegExp }

/** What the lines above were part of. */
const NOTHING = 0
const INDENTED = 1
const PYTHON = 2
/** After the last line of a Python trace, which names the exception. */
const PYTHON_END = 3
const GO = 4
/** After the first line of a panic of Rust, whose message comes next. */
const RUST = 5
const RUST_END = 6

/** How much of a line a configured pattern sees. */
const START_BYTES_MAX = 512

/** Lines that are frames of a trace, whatever stands above them: Java, Node, .NET; Python; Go; Ruby. */
const FRAME = /^\s+(?:at |File "|\.{3} \d+ (?:more|common)|\S+\.go:\d|from \S+:\d)/
/** Lines that only come within a trace. */
const WITHIN =
  /^(?:Caused by: |Suppressed: |goroutine \d+ \[|created by |\[signal |Stack trace:|#\d+ |Node\.js v\d|note: run with |stack backtrace:|\S+\.rb:\d+:in |[}\])]+[,;]?$)/
/** What nobody has caught: an error at least, whatever the line above it is. */
const CRASH =
  /^(?:panic: |fatal error: |Exception in thread |Uncaught |Unhandled [Ee]xception|thread '.*' panicked |Traceback \(most recent call last\))/
/** The first line of an event of .NET's console; the others are indented. */
const DOTNET_HEAD = /^(?:trce|dbug|info|warn|fail|crit): \S+\[\d+\]$/
const DOTNET_SEVERITIES: Readonly<Record<string, number>> = { trce: 1, dbug: 5, info: 9, warn: 13, fail: 17, crit: 21 }
const ERROR = 17
/** Lines with which a trace begins after the line of the log that tells of it. */
const HEAD =
  /^(?:Traceback \(most recent call last\)|During handling of the above|The above exception was|panic: |fatal error: |Exception in thread |Uncaught |Unhandled [Ee]xception|thread '.*' panicked |(?:[\w$.]+[.$:](?:[A-Z]\w*)?|[A-Z]\w*)(?:Exception|Error|Failure|Throwable)(?:: |$))/
const PYTHON_HEAD = 'Traceback (most recent call last)'
const CHAINED = /^(?:During handling of the above|The above exception was|Traceback \(most)/
/** Functions and ends in the trace of a Go program. */
const GO_LINE = /^(?:[\w./*()[\]{}·-]+\(.*\)$|goroutine |created by |exit status |\[|r\w\w? +0x|[a-z]\w+ +0x)/
const GO_HEAD = /^(?:panic: |fatal error: |goroutine \d+ \[)/
/** Longest beginning of a line that these look at. */
const HEAD_BYTES = 200

/** Tells which lines belong to the event above. Sees every line of a file in order. */
export class Continuation {
  readonly #mode: Multiline
  #state = NOTHING
  /** What the line read last says about the event that it begins or joins, which counts where it has no level; else 0. */
  severity = 0
  /** That is an error, whatever the event says. */
  isCrash = false

  constructor(mode: Multiline) {
    this.#mode = mode
  }

  /** A line that begins an event. */
  begin(bytes: Buffer, from: number, to: number): void {
    this.severity = 0
    if (this.#mode !== 'auto') return
    this.#state = NOTHING
    if (mayBeHead(bytes[from] as number, bytes[from + 1] as number)) {
      const head = headOf(bytes, from, to)
      this.#state = stateOf(head)
      if (CRASH.test(head)) this.severity = ERROR
    }
    if (bytes[from + 4] === 0x3a && bytes[from + 5] === 0x20 && this.#state === NOTHING)
      this.#beginDotnet(bytes, from, to)
  }

  #beginDotnet(bytes: Buffer, from: number, to: number): void {
    const head = headOf(bytes, from, to)
    if (!DOTNET_HEAD.test(head)) return
    this.#state = INDENTED
    this.severity = DOTNET_SEVERITIES[head.slice(0, 4)] ?? 0
  }

  /** Whether a line continues the event above. `isTimedFile`: events of this file have times, and this line has none. */
  joins(bytes: Buffer, from: number, to: number, hasTime: boolean, isTimedFile: boolean): boolean {
    const mode = this.#mode
    this.severity = 0
    this.isCrash = false
    if (mode === 'off') return false
    if (mode !== 'auto') return !mode.start.test(bytes.toString('utf8', from, Math.min(to, from + START_BYTES_MAX)))
    if (hasTime) return false
    const first = bytes[from] as number
    const isIndented = first === 0x20 || first === 0x09
    if (isIndented) return this.#joinsIndented(bytes, from, to, isTimedFile)
    if (!isTimedFile && this.#state === NOTHING) {
      // C S g c [ # N } ] )
      if (!MAY_BE_WITHIN.has(first)) return false
      return WITHIN.test(headOf(bytes, from, to)) && first !== 0x23 && first !== 0x5d && first !== 0x7d
    }
    return this.#joinsFlush(headOf(bytes, from, to), isTimedFile)
  }

  #joinsIndented(bytes: Buffer, from: number, to: number, isTimedFile: boolean): boolean {
    if (this.#state === PYTHON_END) this.#state = PYTHON
    if (this.#state !== NOTHING) return true
    const head = headOf(bytes, from, to)
    const isFrame = FRAME.test(head)
    if (!isTimedFile && !isFrame) return false
    if (isFrame) this.severity = ERROR
    this.#state = /^\s+File "/.test(head) ? PYTHON : INDENTED
    return true
  }

  /** A line that begins at the margin. */
  #joinsFlush(head: string, isTimedFile: boolean): boolean {
    const state = this.#state
    if (state === PYTHON && !head.startsWith(PYTHON_HEAD)) {
      this.#state = PYTHON_END
      return true
    }
    if (state === PYTHON_END && CHAINED.test(head)) {
      if (head.startsWith(PYTHON_HEAD)) this.#state = PYTHON
      return true
    }
    if (state === GO && (GO_LINE.test(head) || GO_HEAD.test(head))) return true
    if (state === RUST || (state === RUST_END && WITHIN.test(head))) {
      this.#state = RUST_END
      return true
    }
    if (state === INDENTED && WITHIN.test(head)) return true
    if (!isTimedFile || !(WITHIN.test(head) || HEAD.test(head))) return false
    this.#state = stateOf(head) || INDENTED
    this.severity = ERROR
    this.isCrash = CRASH.test(head) && this.#state !== PYTHON
    return true
  }
}

const MAY_BE_WITHIN: ReadonlySet<number> = new Set(Buffer.from('CSgc[N'))

/** By first letter, the second one of `Traceback`, `panic`, `fatal`, `goroutine`, `Exception`, `Unhandled`, `thread`. */
const HEAD_LETTERS = new Uint8Array(256)
for (const [first = 0, second = 0] of ['Tr', 'pa', 'fa', 'go', 'Ex', 'Un', 'th'].map((pair) => Buffer.from(pair))) {
  HEAD_LETTERS[first] = second
}

function mayBeHead(first: number, second: number): boolean {
  return HEAD_LETTERS[first] === second
}

function headOf(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, Math.min(to, from + HEAD_BYTES))
}

function stateOf(head: string): number {
  if (head.startsWith(PYTHON_HEAD)) return PYTHON
  if (head.startsWith("thread '") && CRASH.test(head)) return RUST
  return GO_HEAD.test(head) ? GO : NOTHING
}

import { readLevel } from '../transcode/level.ts'
import { TIME_FORMS, type TimeForm } from './time-forms.ts'
import { isDigit, isWordByte } from './byte-kinds.ts'
import { TimePattern } from './time-pattern.ts'
import type { LineTools } from './tools.ts'
import type { WallTime } from './wall-time.ts'
import { WallClock } from './wall-clock.ts'

/** Where in its lines a file has its times, and how they are written. */
interface Place {
  form: TimeForm
  /** Index of the word at which it begins. */
  word: number
}

interface Vote extends Place {
  count: number
}

/** How far into a line a time is looked for. */
const WINDOW_BYTES = 128
/** The same for a configured pattern. */
const PATTERN_WINDOW_BYTES = 256
/** The last word that may begin a time; one further behind than the second must stand there in several lines. */
const WORD_MAX = 4
const VOTES_MIN_FAR = 2
/** A number counts as an epoch time from 2000 on, up to a day after the reference. */
const EPOCH_MIN_SECONDS = 946_684_800
const EPOCH_FUTURE_SECONDS_MAX = 86_400
/** So many lines in a row in another form than the file's: it has changed. */
const CHANGE_LINES = 16

export interface LineTimesOptions {
  tools: Pick<LineTools, 'zone' | 'days' | 'wallTime'>
  pattern: string | undefined
  referenceSeconds: number
}

/**
 * The time in each line of one file. Lines first cast votes (`vote`); then the form most of them have is read at its
 * place, and whatever else a line may begin with without doubt is still understood.
 */
export class LineTimes {
  readonly clock: WallClock
  /** Where the time found by `read` ends. */
  after = 0
  /** What `read` found was not in the form of the file. */
  isOther = false
  /** Severity by the letter that stands in the time (glog), else 0. */
  severity = 0
  /** Means something only while a line is looked at. */
  readonly #found: WallTime
  #votes: Vote[] = []
  readonly #configured: TimeForm | undefined
  /** Where in the line the configured pattern stood last, and whether it ever did. */
  #distance = 0
  #isSeen = false
  #referenceSeconds: number
  #place: Place | undefined
  #other: TimeForm | undefined
  #otherCount = 0

  constructor({ tools, pattern, referenceSeconds }: LineTimesOptions) {
    this.clock = new WallClock(tools.zone, referenceSeconds, tools.days)
    this.#found = tools.wallTime
    this.#referenceSeconds = referenceSeconds
    this.#configured =
      pattern === undefined ? undefined : { pattern: new TimePattern(pattern), isFirstOnly: false, isAmbiguous: false }
  }

  /** Whether the lines of this file are known to have times. */
  get isTimed(): boolean {
    return this.#place !== undefined || this.#isSeen
  }

  setReference(seconds: number): void {
    this.#referenceSeconds = seconds
    this.clock.setReference(seconds)
  }

  /** Looks for any time in a line, to learn where this file has it. */
  vote(bytes: Buffer, from: number, to: number): void {
    if (this.#configured) return
    let at = skipOpening(bytes, from, to)
    for (let word = 0; word <= WORD_MAX && at < to && at < from + WINDOW_BYTES; word++) {
      const form = this.#formAt(bytes, at, to, word === 0)
      if (form) return this.#count(form, word)
      at = nextWord(bytes, at, to)
    }
  }

  /** Settles on the place that most lines voted for, if any did. May be called again after more votes. */
  decide(): void {
    const candidates = this.#votes.filter((vote) => vote.word <= 1 || vote.count >= VOTES_MIN_FAR)
    const best = candidates.reduce<Vote | undefined>(
      (first, vote) => (first && first.count >= vote.count ? first : vote),
      undefined,
    )
    if (best) this.#place = best
  }

  /** Votes that were cast so far do not count any more. */
  forgetVotes(): void {
    this.#votes = []
  }

  /** Reads the time of a line into `clock`. False when it has none; `clock` is as it was then. */
  read(bytes: Buffer, from: number, to: number): boolean {
    this.isOther = false
    if (this.#configured) return this.#readConfigured(this.#configured, bytes, from, to)
    const place = this.#place
    const first = skipOpening(bytes, from, to)
    if (place) {
      let at = first
      for (let word = place.word; word > 0 && at < to; word--) at = nextWord(bytes, at, to)
      if (this.#readAt(place.form, bytes, at, to)) {
        this.#otherCount = 0
        return true
      }
    }
    return this.#readOther(bytes, first, to)
  }

  /** The configured pattern, wherever it stands: most likely where it stood in the line before. */
  #readConfigured(form: TimeForm, bytes: Buffer, from: number, to: number): boolean {
    if (this.#readAt(form, bytes, from + this.#distance, to)) return true
    const limit = Math.min(to, from + PATTERN_WINDOW_BYTES)
    for (let at = from; at < limit; at++) {
      if (at > from && isWordByte(bytes[at - 1] as number) && isWordByte(bytes[at] as number)) continue
      if (!this.#readAt(form, bytes, at, to)) continue
      this.#distance = at - from
      this.#isSeen = true
      return true
    }
    return false
  }

  /** A line that does not have the file's form. */
  #readOther(bytes: Buffer, at: number, to: number): boolean {
    const form = this.#formAt(bytes, at, to, true)
    if (!form || form.pattern.isEpoch || !this.#readAt(form, bytes, at, to)) return false
    this.isOther = true
    this.#otherCount = form === this.#other ? this.#otherCount + 1 : 1
    this.#other = form
    if (this.#otherCount >= CHANGE_LINES) this.#place = { form, word: 0 }
    return true
  }

  #readAt(form: TimeForm, bytes: Buffer, at: number, to: number): boolean {
    const after = form.pattern.match(bytes, at, to, this.#found)
    if (after < 0 || !this.clock.read(this.#found)) return false
    this.after = after
    this.severity = this.#found.severity
    return true
  }

  /** The form of the time that begins at `at`. */
  #formAt(bytes: Buffer, at: number, to: number, isFirst: boolean): TimeForm | undefined {
    if (!mayBegin(bytes, at, to)) return undefined
    for (const form of TIME_FORMS) {
      if (form.isFirstOnly && !isFirst) continue
      const after = form.pattern.match(bytes, at, to, this.#found)
      if (after < 0 || !this.#isPlausible(form)) continue
      if (!form.isAmbiguous || readLevel(bytes, after, to) > 0) return form
    }
    return undefined
  }

  #isPlausible(form: TimeForm): boolean {
    if (!form.pattern.isEpoch) return true
    const { epochSeconds } = this.#found
    return epochSeconds >= EPOCH_MIN_SECONDS && epochSeconds <= this.#referenceSeconds + EPOCH_FUTURE_SECONDS_MAX
  }

  #count(form: TimeForm, word: number): void {
    const vote = this.#votes.find((other) => other.form === form && other.word === word)
    if (vote) vote.count++
    else this.#votes.push({ form, word, count: 1 })
  }
}

/** Whether any form begins like this: with two digits, a month, a weekday, a level letter and a digit, `- ` or `msg=`. */
function mayBegin(bytes: Buffer, at: number, to: number): boolean {
  if (at + 10 > to) return false
  const first = bytes[at] as number
  const second = bytes[at + 1] as number
  if (isDigit(first)) return isDigit(second) || second === 0x20
  if (first === 0x2d) return second === 0x20
  if (first === 0x6d) return second === 0x73
  if (first < 0x41 || first > 0x5a) return false
  return isDigit(second) || (isLower(second) && isLower(bytes[at + 2] as number) && mayEndName(bytes[at + 3] as number))
}

function isLower(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a
}

/** A space, a comma or a further letter. */
function mayEndName(byte: number): boolean {
  return byte === 0x20 || byte === 0x2c || isLower(byte)
}

/** The offset behind white space and one opening bracket or quote. */
function skipOpening(bytes: Buffer, at: number, to: number): number {
  while (at < to && bytes[at] === 0x20) at++
  if (at >= to) return at
  const byte = bytes[at]
  return byte === 0x5b || byte === 0x28 || byte === 0x3c || byte === 0x22 || byte === 0x7c ? at + 1 : at
}

/** Where the word after the one at `at` begins, behind an opening bracket. */
function nextWord(bytes: Buffer, at: number, to: number): number {
  while (at < to && bytes[at] !== 0x20 && bytes[at] !== 0x09) at++
  while (at < to && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++
  return skipOpening(bytes, at, to)
}

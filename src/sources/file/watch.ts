import type { Logger } from '../../core/logger.ts'
import type { Courier } from './courier.ts'
import type { EarlyFiles } from './early-files.ts'
import type { Folders } from './folders.ts'
import type { FollowedFile } from './followed-file.ts'
import type { Journal } from './journal.ts'
import type { FileLimits } from './limits.ts'
import type { Readers } from './readers.ts'
import type { Roster } from './roster.ts'
import type { Tracker } from './tracker.ts'

export interface WatchOptions {
  roster: Roster
  folders: Folders
  tracker: Tracker
  early: EarlyFiles
  readers: Readers
  courier: Courier
  journal: Journal
  limits: FileLimits
  logger: Logger
}

const TICK_MS = 50
/** Looking at all that waits more often than that helps nobody. */
const TICK_MS_MIN = 5
const RESCAN_SOON_MS = 100
/** Listing everything may take one part of this of the time. */
const RESCAN_SHARE = 50
const LOOK_LATER_MS = 500
/** How often a file that was rotated is looked at. */
const ROTATED_POLL_MS = 500
/** Paths that are looked at side by side for changes: each alone would cost a turn of this thread and another one's. */
const GLANCES_MAX = 32
/** Files in one line of the journal. */
const NOTED_MAX = 200

/** What happens when: changes that were told of, regular looks at everything, and lines that waited long enough. */
export class Watch {
  readonly #options: WatchOptions
  /** One after the other: the tracker is at one thing at a time. */
  #queue: Promise<void> = Promise.resolve()
  #queued = 0
  readonly #toLook = new Set<string>()
  readonly #later = new Map<string, NodeJS.Timeout>()
  #rescanTimer: NodeJS.Timeout | undefined
  #rescanAtMs = Infinity
  #tick: NodeJS.Timeout | undefined
  #polledMs = 0
  #fresh: FollowedFile[] = []
  #isClosed = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Resolves when every file that is there was looked at. */
  async start(): Promise<void> {
    const { folders, tracker, roster } = this.#options
    await this.#enqueue(async () => {
      await tracker.restore(await folders.scan())
      roster.isStarting = false
    })
    this.#rescanIn(this.#rescanMs(0))
    this.#tickIn(TICK_MS)
  }

  /** A change that was told of. */
  changed(told: string, isMoved: boolean): void {
    const path = this.#options.roster.resolve(told)
    if (isMoved && !this.#isClosed) this.#options.early.meet(path)
    const file = this.#options.roster.at(path)
    if (file && !isMoved) this.#options.readers.wake(file)
    else this.look(path)
  }

  look(path: string): void {
    if (this.#isClosed || this.#toLook.has(path)) return
    this.#toLook.add(path)
    void this.#enqueue(async () => {
      this.#toLook.delete(path)
      await this.#options.tracker.look(path)
      await this.#options.early.settle(path)
    })
  }

  lookLater(path: string): void {
    if (this.#isClosed || this.#later.has(path)) return
    const timer = setTimeout(() => {
      this.#later.delete(path)
      this.look(path)
    }, LOOK_LATER_MS)
    this.#later.set(path, timer)
  }

  rewritten(file: FollowedFile): void {
    void this.#enqueue(() => this.#settle(file, () => this.#options.tracker.rewritten(file)))
  }

  unsure(file: FollowedFile): void {
    void this.#enqueue(() => this.#settle(file, () => this.#options.tracker.confirm(file)))
  }

  lost(file: FollowedFile): void {
    void this.#enqueue(async () => {
      try {
        await this.#options.tracker.lost(file)
      } catch (err) {
        this.#options.logger.warn({ err, path: file.path }, 'A file cannot be looked at for now')
      }
    })
  }

  rescanSoon(): void {
    this.#rescanIn(RESCAN_SOON_MS)
  }

  /** Looks at everything now, and resolves when all that was there has been delivered. */
  async caughtUp(): Promise<void> {
    const { readers, courier, roster } = this.#options
    await this.#enqueue(() => this.#lookAtAll())
    for (;;) {
      await readers.whenIdle()
      await this.#queue
      for (const file of roster.files()) if (file.isHolding) readers.flush(file)
      courier.sendNow()
      if (this.#later.size === 0 && readers.isIdle && courier.isIdle && this.#queued === 0) return
      await new Promise((resolve) => setTimeout(resolve, TICK_MS / 5))
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#rescanTimer)
    clearTimeout(this.#tick)
    for (const timer of this.#later.values()) clearTimeout(timer)
    this.#later.clear()
    await this.#queue
    this.#options.early.close()
  }

  /** Something is done to a file that is not read meanwhile. */
  async #settle(file: FollowedFile, act: () => Promise<void>): Promise<void> {
    const { readers } = this.#options
    file.isBusy = true
    try {
      await act()
    } catch (err) {
      this.#options.logger.warn({ err, path: file.path }, 'A file cannot be looked at for now')
      file.retryAtMs = performance.now() + this.#options.limits.retryMs
      readers.waiting.add(file)
    }
    file.isBusy = false
    readers.wake(file)
  }

  #enqueue(step: () => Promise<void>): Promise<void> {
    this.#queued++
    const turn = async (): Promise<void> => {
      try {
        if (!this.#isClosed) await step()
        if (this.#queued === 1) await this.#noteFresh()
      } finally {
        this.#queued--
      }
    }
    this.#queue = this.#queue.then(turn)
    return this.#queue
  }

  /** That a file is there is worth remembering: renamed before anything was read of it, it is found again by that. */
  remember(file: FollowedFile): FollowedFile {
    this.#fresh.push(file)
    return file
  }

  async #noteFresh(): Promise<void> {
    const { journal, logger } = this.#options
    const files = this.#fresh.splice(0)
    try {
      for (let at = 0; at < files.length; at += NOTED_MAX) {
        const some = files.slice(at, at + NOTED_MAX)
        await journal.note(() => some.map((file) => file.record(file.delivered)))
      }
    } catch (err) {
      logger.warn({ err }, 'The journal of files could not be written')
    }
  }

  #rescanIn(ms: number): void {
    const atMs = performance.now() + ms
    if (this.#isClosed || atMs >= this.#rescanAtMs) return
    clearTimeout(this.#rescanTimer)
    this.#rescanAtMs = atMs
    this.#rescanTimer = setTimeout(() => {
      this.#rescanAtMs = Infinity
      void this.#enqueue(() => this.#rescan())
    }, ms)
  }

  async #rescan(): Promise<void> {
    const startedMs = performance.now()
    await this.#lookAtAll()
    this.#rescanIn(this.#rescanMs(performance.now() - startedMs))
  }

  async #lookAtAll(): Promise<void> {
    const { folders, roster, tracker } = this.#options
    const paths = await folders.scan()
    for (const path of roster.paths()) paths.add(path)
    for (const path of roster.problems.keys()) paths.add(path)
    const all = [...paths]
    for (let at = 0; at < all.length && !this.#isClosed; at += GLANCES_MAX) {
      const some = all.slice(at, at + GLANCES_MAX)
      const isSame = await Promise.all(some.map((path) => tracker.isUnchanged(path)))
      for (const [index, path] of some.entries()) {
        if (isSame[index] !== true && !this.#isClosed) await tracker.look(path)
      }
    }
  }

  #rescanMs(tookMs: number): number {
    const { limits, folders } = this.#options
    return Math.max(folders.mustPoll ? limits.pollMs : limits.rescanMs, tookMs * RESCAN_SHARE)
  }

  #tickIn(ms: number): void {
    if (this.#isClosed) return
    this.#tick = setTimeout(() => {
      this.#onTick()
      this.#tickIn(this.#untilDueMs())
    }, ms)
  }

  /** Time until the first of those who wait for so much silence has had it, so that no line is late by a tick. */
  #untilDueMs(): number {
    const { readers, limits } = this.#options
    const latestMs = performance.now() - limits.holdMs
    let ms = TICK_MS
    for (const file of readers.waiting) {
      if (file.isHolding && !file.isBusy) ms = Math.min(ms, file.grownMs - latestMs)
      if (ms <= TICK_MS_MIN) return TICK_MS_MIN
    }
    return ms
  }

  #onTick(): void {
    const { readers, limits } = this.#options
    const nowMs = performance.now()
    const isPoll = nowMs - this.#polledMs >= ROTATED_POLL_MS
    if (isPoll) this.#polledMs = nowMs
    for (const file of readers.waiting) {
      if (file.isBusy || file.retryAtMs > nowMs) continue
      const quietMs = nowMs - file.grownMs
      if (file.retryAtMs > 0) {
        file.retryAtMs = 0
        readers.waiting.delete(file)
        readers.wake(file)
        continue
      }
      if (file.isHolding && quietMs >= limits.holdMs) readers.flush(file)
      if (file.openBytes > 0 && quietMs >= limits.partialMs && file.state === 'live') {
        file.mustFlush = true
        readers.wake(file)
      } else if (file.state === 'rotated') this.#rotated(file, quietMs, isPoll)
      else if (!file.isHolding && file.openBytes === 0) readers.waiting.delete(file)
    }
    if (isPoll) this.#settleEnded()
  }

  #rotated(file: FollowedFile, quietMs: number, isPoll: boolean): void {
    const { readers, limits, tracker } = this.#options
    if (quietMs < limits.rotatedMs) {
      if (isPoll) readers.wake(file)
    } else if (file.openBytes > 0 && !file.mustEnd) {
      file.mustEnd = true
      readers.wake(file)
    } else if (file.openBytes === 0) {
      readers.waiting.delete(file)
      void this.#enqueue(async () => {
        const isQuiet = !file.isBusy && performance.now() - file.grownMs >= limits.rotatedMs
        if (isQuiet) await this.#settle(file, () => tracker.letGo(file))
        else readers.waiting.add(file)
      })
    }
  }

  /** The journal learns who has ended once all of it is delivered. */
  #settleEnded(): void {
    const { roster, journal, logger } = this.#options
    for (const file of roster.ending.values()) {
      if (file.delivered < file.settled) continue
      roster.ending.delete(file.key)
      roster.lapse(file)
    }
    const { known, ended, gone } = roster.takeNews()
    if (known.length + ended.length + gone.length === 0) return
    journal
      .end(known, ended, gone)
      .catch((err: unknown) => logger.warn({ err }, 'The journal of files could not be written'))
  }
}

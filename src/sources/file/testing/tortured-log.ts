/** For tests: an application that writes numbered lines, and all that is done to its log, step by step and at any moment. */
import {
  appendFileSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Where a log lives. */
export interface Surroundings {
  random: () => number
  /** A moment between two steps. */
  pause: () => Promise<void>
  /** Resolves when every line that the log has begun is stored. */
  allStored: (log: TorturedLog) => Promise<void>
  /** Meanwhile no agent is killed. */
  unharmed: (act: () => Promise<void>) => Promise<void>
  /** What happens, for whoever has to find out why something went wrong. */
  say: (what: string) => void
}

export interface LogHabits {
  /** How rotated ones are called. */
  names: 'numbered' | 'dated' | 'dated stem'
  compresses: 'never' | 'at once' | 'later'
  /** What every new log begins with. Of lines that begin with `#`, which are not counted. */
  banner: string
  /** Writes where it left off also when the log was emptied. */
  keepsPlace: boolean
  /** A removed log can be read for as long as it is written to. */
  isHeldOpen: boolean
}

const DAY_MS = 86_400_000

function atOnce(): Promise<void> {
  return Promise.resolve()
}

/**
 * It is fair: what nobody could read is not done to a line. Nothing is written between a copy and the emptying of its
 * original; what is removed, or written anew without a copy, was stored before.
 */
export class TorturedLog {
  readonly path: string
  readonly name: string
  readonly #habits: LogHabits
  readonly #around: Surroundings
  /** Lines begun so far. */
  next = 0
  rotations = 0
  #fd: number | undefined
  #place = 0
  /** Of a line that is written in part. */
  #rest = ''
  #day = 0

  constructor(path: string, habits: LogHabits, around: Surroundings) {
    this.path = path
    this.name = basename(path).replace(/\.[^.]*$/, '')
    this.#habits = habits
    this.#around = around
  }

  /** Each line that is to be stored once. */
  line(number: number): string {
    return `${this.name} ${number} ${'x'.repeat((number * 7) % 90)}.`
  }

  /** Something happens to the log. */
  async live(): Promise<void> {
    const acts: readonly [weight: number, act: () => Promise<void>][] = [
      [8, () => Promise.resolve(this.append())],
      [3, () => this.rename()],
      [3, () => this.copyAndEmpty()],
      [1, () => this.writeAnew()],
      [1, () => this.recreate()],
      [this.#habits.isHeldOpen ? 1 : 0, () => this.removeWhileOpen()],
      [2, () => this.inQuickSuccession()],
      [1, () => this.removeOldest()],
    ]
    let at = this.#around.random() * acts.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, act] of acts) {
      at -= weight
      if (at < 0) return act()
    }
  }

  /** Some lines, the last one perhaps only in part. */
  append(): void {
    const { random, say } = this.#around
    const count = 1 + Math.floor(random() ** 3 * 60)
    let text = this.#takeRest()
    for (let index = 0; index < count; index++) text += `${this.line(this.next++)}\n`
    if (random() < 0.3) {
      const cut = text.length - 1 - Math.floor(random() * 20)
      this.#rest = text.slice(cut)
      text = text.slice(0, cut)
    }
    this.#write(text)
    say(`${this.name}: lines to ${this.next}${this.#rest === '' ? '' : ' begun'}`)
  }

  /** The log gets another name; who writes it does so for a while before it begins a new one. */
  async rename(step = this.#around.pause): Promise<void> {
    const { random, say } = this.#around
    this.#open()
    const old = this.#shift()
    say(`${this.name}: renamed to ${basename(old)}`)
    renameSync(this.path, old)
    await step()
    if (random() < 0.4) this.append()
    const isCreated = random() < 0.5
    if (isCreated) writeFileSync(this.path, '', { flag: 'a' })
    await step()
    if (random() < 0.4) this.append()
    this.finish()
    this.close()
    await this.#compress(old, step)
    if (random() < 0.5) this.append()
  }

  /** The log is copied, and emptied in place. */
  async copyAndEmpty(step = this.#around.pause): Promise<void> {
    const { random, say } = this.#around
    this.finish()
    const old = this.#shift()
    say(`${this.name}: copied to ${basename(old)}`)
    if (random() < 0.5) copyFileSync(this.path, old, constants.COPYFILE_EXCL)
    else {
      const contents = readFileSync(this.path)
      const cut = Math.floor(random() * contents.length)
      writeFileSync(old, contents.subarray(0, cut))
      await step()
      appendFileSync(old, contents.subarray(cut))
    }
    await step()
    say(`${this.name}: emptied`)
    truncateSync(this.path, 0)
    if (this.#habits.banner !== '' && !this.#habits.keepsPlace) this.#write(this.#habits.banner)
    if (random() < 0.5) this.append()
    await this.#compress(old, step)
  }

  /** As long as before, in place, with other lines. */
  async writeAnew(): Promise<void> {
    const { random, say, allStored } = this.#around
    this.finish()
    await allStored(this)
    this.#open()
    const size = statSync(this.path).size
    let text = this.#habits.banner
    while (text.length + 200 < size) text += `${this.line(this.next++)}\n`
    if (text.length + 2 <= size && random() < 0.7) text += `#${'~'.repeat(size - text.length - 2)}\n`
    say(`${this.name}: written anew, ${size} bytes, then ${text.length}; lines to ${this.next}`)
    this.close()
    if (random() < 0.5) writeFileSync(this.path, text)
    else {
      const fd = openSync(this.path, 'r+')
      ftruncateSync(fd, 0)
      writeSync(fd, text)
      closeSync(fd)
    }
  }

  /** Removed and made again: where it can be, with the same number. */
  async recreate(): Promise<void> {
    const { say, allStored, pause, random } = this.#around
    this.finish()
    await allStored(this)
    this.close()
    const before = statSync(this.path).ino
    unlinkSync(this.path)
    if (random() < 0.3) await pause()
    this.append()
    say(`${this.name}: made again, ${statSync(this.path).ino === before ? 'same' : 'other'} number`)
  }

  /** Removed while it is written to: whoever has it open can read it to its end. */
  async removeWhileOpen(): Promise<void> {
    const { say, allStored, unharmed, pause } = this.#around
    await unharmed(async () => {
      this.append()
      this.finish()
      await allStored(this)
      say(`${this.name}: removed while open`)
      unlinkSync(this.path)
      this.append()
      await pause()
      this.append()
      this.finish()
      await allStored(this)
      this.close()
    })
    this.append()
  }

  async inQuickSuccession(): Promise<void> {
    const { random } = this.#around
    for (let count = 2 + Math.floor(random() * 3); count > 0; count--) {
      if (random() < 0.7) this.append()
      await (random() < 0.5 ? this.rename(atOnce) : this.copyAndEmpty(atOnce))
    }
  }

  async removeOldest(): Promise<void> {
    const { allStored, random, say } = this.#around
    this.finish()
    await allStored(this)
    for (const name of this.#rotated()) {
      if (random() < 0.5) continue
      say(`${this.name}: ${name} is removed`)
      unlinkSync(join(dirname(this.path), name))
    }
  }

  /** The line that is begun is written to its end. */
  finish(): void {
    this.#write(this.#takeRest())
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #takeRest(): string {
    const rest = this.#rest
    this.#rest = ''
    return rest
  }

  #write(text: string): void {
    const fd = this.#open()
    if (this.#habits.keepsPlace) this.#place += writeSync(fd, text, this.#place)
    else writeSync(fd, text)
  }

  #open(): number {
    if (this.#fd !== undefined) return this.#fd
    this.#fd = openSync(this.path, this.#habits.keepsPlace ? constants.O_WRONLY | constants.O_CREAT : 'a')
    this.#place = fstatSync(this.#fd).size
    if (this.#place === 0 && this.#habits.banner !== '') {
      writeSync(this.#fd, this.#habits.banner)
      this.#place = this.#habits.banner.length
    }
    return this.#fd
  }

  /** Rotated ones move on; what the log is to be called. */
  #shift(): string {
    this.rotations++
    const { names } = this.#habits
    if (names !== 'numbered') {
      const day = new Date(Date.UTC(2026, 0, 1) + this.#day++ * DAY_MS).toISOString().slice(0, 10)
      if (names === 'dated') return `${this.path}-${day.replaceAll('-', '')}`
      return this.path.replace(/(\.[^.]*)$/, `-${day}$1`)
    }
    for (let number = this.#day++; number > 0; number--) {
      for (const suffix of ['', '.gz']) {
        const from = `${this.path}.${number}${suffix}`
        if (existsSync(from)) renameSync(from, `${this.path}.${number + 1}${suffix}`)
      }
    }
    return `${this.path}.1`
  }

  #rotated(): string[] {
    const stem = this.name
    return readdirSync(dirname(this.path)).filter(
      (name) => name.startsWith(`${stem}.log.`) || name.startsWith(`${stem}.log-`) || name.startsWith(`${stem}-`),
    )
  }

  async #compress(latest: string, step: () => Promise<void>): Promise<void> {
    const { compresses, names } = this.#habits
    if (compresses === 'never') return
    const due = compresses === 'at once' ? latest : names === 'numbered' ? `${this.path}.2` : undefined
    if (due === undefined || !existsSync(due)) return
    const { random, say } = this.#around
    say(`${this.name}: ${basename(due)} is compressed`)
    const { atime, mtime } = statSync(due)
    const packed = gzipSync(readFileSync(due))
    const cut = Math.floor(random() * packed.length)
    writeFileSync(`${due}.gz`, packed.subarray(0, cut))
    await step()
    appendFileSync(`${due}.gz`, packed.subarray(cut))
    if (random() < 0.5) await step()
    if (random() < 0.7) utimesSync(`${due}.gz`, atime, mtime)
    if (random() < 0.5) await step()
    unlinkSync(due)
  }
}

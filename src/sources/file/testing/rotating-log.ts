/** For tests: an application that writes numbered lines, and what rotates its log, in every way there is. */
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { gzipSync } from 'node:zlib'

const KEPT = 60

export class RotatingLog {
  readonly path: string
  readonly prefix: string
  readonly #random: () => number
  /** Lines written so far. */
  next = 0
  #rotations = 0

  constructor(path: string, prefix: string, random: () => number) {
    this.path = path
    this.prefix = prefix
    this.#random = random
    writeFileSync(path, '')
  }

  get expected(): string[] {
    return Array.from({ length: this.next }, (_, number) => this.#line(number))
  }

  /** Appends so many lines, some of them in two goes. */
  append(count: number): void {
    const text = this.#lines(count)
    const cut = this.#random() < 0.3 ? Math.floor(this.#random() * text.length) : text.length
    appendFileSync(this.path, text.slice(0, cut))
    if (cut < text.length) appendFileSync(this.path, text.slice(cut))
  }

  /** The log gets another name, and a new one is begun. */
  rename(): void {
    this.#shift()
    renameSync(this.path, `${this.path}.1`)
    this.append(this.#random() < 0.5 ? 0 : 3)
    if (!existsSync(this.path)) writeFileSync(this.path, '')
  }

  /** The log is copied, and emptied in place. */
  copyTruncate(): void {
    this.#shift()
    copyFileSync(this.path, `${this.path}.1`)
    truncateSync(this.path, 0)
  }

  /** What was there has to be read before: the same size again, in place, with other lines. */
  rewriteSameSize(): void {
    const size = readFileSync(this.path).length
    const first = this.#lines(1)
    if (size < first.length * 2) {
      appendFileSync(this.path, first)
      return
    }
    writeFileSync(this.path, `${first.trimEnd()}\n${'~'.repeat(size - first.length - 1)}\n`)
  }

  /** What was there has to be read before. */
  recreate(): void {
    unlinkSync(this.path)
    writeFileSync(this.path, this.#lines(2))
  }

  /** Removed while it is written to. Returns what closes it, once the lines were read. */
  removeWhileOpen(): () => void {
    const fd = openSync(this.path, 'a')
    writeSync(fd, this.#lines(2))
    unlinkSync(this.path)
    writeSync(fd, this.#lines(3))
    return () => {
      closeSync(fd)
      writeFileSync(this.path, this.#lines(1))
    }
  }

  /** An older one is compressed, as rotation does a while after. */
  compress(): void {
    const old = `${this.path}.2`
    if (!existsSync(old)) return
    writeFileSync(`${old}.gz`, gzipSync(readFileSync(old)))
    unlinkSync(old)
  }

  #shift(): void {
    this.#rotations++
    for (let number = Math.min(KEPT, this.#rotations); number > 0; number--) {
      for (const suffix of ['', '.gz']) {
        const from = `${this.path}.${number}${suffix}`
        if (existsSync(from)) renameSync(from, `${this.path}.${number + 1}${suffix}`)
      }
    }
  }

  #lines(count: number): string {
    let text = ''
    for (let index = 0; index < count; index++) text += `${this.#line(this.next++)}\n`
    return text
  }

  #line(number: number): string {
    return `${this.prefix} ${number} ${'x'.repeat((number * 7) % 90)}.`
  }
}

import { isUtf8 } from 'node:buffer'
import type { EventBatch } from '../../core/batch.ts'
import { createTimeZone } from '../lines/time-zone.ts'
import { WallClock } from '../lines/wall-clock.ts'
import { FieldRow } from '../transcode/field-row.ts'
import type { EventDefaults } from '../transcode/row-writer.ts'
import { CUT_ATTRIBUTE } from '../transcode/transcoder.ts'
import { SYSLOG_NAMES, SyslogParser } from './syslog-parser.ts'

/** Messages → rows. */
export class SyslogRows {
  readonly #clock: WallClock
  readonly #row: FieldRow
  readonly #parser = new SyslogParser()

  /** `timeZone`: of times that do not say. Throws a RangeError when there is no such zone. */
  constructor(timeZone: string, keysMax: number) {
    this.#clock = new WallClock(createTimeZone(timeZone), 0)
    this.#row = new FieldRow(SYSLOG_NAMES, keysMax)
  }

  /**
   * Appends the event of one message. False when nothing is in it. `nowSeconds` since 1970 places dates without a year.
   */
  write(
    bytes: Buffer,
    from: number,
    to: number,
    batch: EventBatch,
    defaults: EventDefaults,
    { nowSeconds, cutBytes }: { nowSeconds: number; cutBytes: number },
  ): boolean {
    while (to > from && (bytes[to - 1] === 0x0a || bytes[to - 1] === 0x0d || bytes[to - 1] === 0)) to--
    if (to === from) return false
    this.#clock.setReference(nowSeconds)
    const text = bytes.subarray(from, to)
    if (isUtf8(text)) this.#row.begin(bytes, from, to)
    else {
      const repaired = Buffer.from(text.toString('utf8'))
      this.#row.begin(repaired, 0, repaired.length)
    }
    this.#parser.read(this.#row, this.#clock)
    const { found } = this.#parser
    found.attributes = cutBytes > 0 ? [{ name: CUT_ATTRIBUTE, value: String(cutBytes) }] : undefined
    this.#row.commit(batch, defaults, found)
    return true
  }
}

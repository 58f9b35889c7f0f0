import { ROLE_OF_NAME, ROLES } from './names.ts'

export const KIND_STRING = 1
export const KIND_NUMBER = 2
/** true and false. */
export const KIND_LITERAL = 3
/** Arrays, and objects below the depth limit: their JSON text. */
export const KIND_JSON = 4
/** Not an event's field at all: skipped by the writer. */
export const KIND_NULL = 5
/** A string that still has its escapes: between two steps of the scanner only. */
export const KIND_ESCAPED = 6

/**
 * The fields of one event as spans of bytes, in the order found: filled by a scanner, read by the row writer. All
 * spans lie in the one buffer that the filler worked on. Reused for each event.
 */
export class FieldTable {
  count = 0
  /** How many of the fields are null. */
  nulls = 0
  /** No less than the bytes of all spans together. */
  spanBytes = 0
  /** Names that do not stand in the buffer as they are, as they are joined: UTF-8. Others are `undefined`. */
  readonly path: (Uint8Array | undefined)[]
  readonly keyStart: Int32Array
  readonly keyEnd: Int32Array
  readonly valueStart: Int32Array
  readonly valueEnd: Int32Array
  readonly kind: Uint8Array
  /** Index in `KNOWN_NAMES`, 0 where the name is not known. */
  readonly name: Uint8Array
  /** Position in this table of the field that fills each role, −1 where none does. */
  readonly winner = new Int32Array(ROLES).fill(-1)

  constructor(keysMax: number) {
    this.path = Array.from({ length: keysMax }, () => undefined)
    this.keyStart = new Int32Array(keysMax)
    this.keyEnd = new Int32Array(keysMax)
    this.valueStart = new Int32Array(keysMax)
    this.valueEnd = new Int32Array(keysMax)
    this.kind = new Uint8Array(keysMax)
    this.name = new Uint8Array(keysMax)
  }

  clear(): void {
    this.count = 0
    this.nulls = 0
    for (let role = 0; role < ROLES; role++) this.winner[role] = -1
  }

  /** Field `at` with known name `name` stands for its role, unless a name of higher precedence does already. */
  claim(at: number, name: number): void {
    const role = ROLE_OF_NAME[name] as number
    const holder = this.winner[role] as number
    if (holder < 0 || name < (this.name[holder] as number)) this.winner[role] = at
  }

  /** Adds a field that stands for itself, which lies in the buffer beside its name. False: there are too many. */
  addText(name: number, valueStart: number, valueEnd: number): boolean {
    const at = this.count
    if (at === this.kind.length) return false
    this.count = at + 1
    this.path[at] = undefined
    this.keyStart[at] = this.keyEnd[at] = valueStart
    this.valueStart[at] = valueStart
    this.valueEnd[at] = valueEnd
    this.kind[at] = KIND_STRING
    this.name[at] = name
    this.spanBytes += valueEnd - valueStart
    this.claim(at, name)
    return true
  }

  /** The winner of a role cannot be read as what it should be: lets the next name have the role. */
  forfeit(role: number): void {
    const loser = this.winner[role] as number
    const lost = this.name[loser] as number
    let best = -1
    for (let at = 0; at < this.count; at++) {
      const name = this.name[at] as number
      if (name <= lost || ROLE_OF_NAME[name] !== role || this.kind[at] === KIND_NULL) continue
      if (best < 0 || name < (this.name[best] as number)) best = at
    }
    this.winner[role] = best
  }
}

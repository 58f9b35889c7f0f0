import { digits2 } from '../transcode/timestamp.ts'
import { isDigit, isWordByte, lettersEnd } from './byte-kinds.ts'
import type { WallTime } from './wall-time.ts'

/** `Z`, `UTC`, `GMT`, `+02`, `+0200`, `+02:00`. */
export function zoneEnd(bytes: Buffer, at: number, end: number, found: WallTime): number {
  const sign = bytes[at]
  if (at >= end) return -1
  if (sign !== 0x2b && sign !== 0x2d) return zoneIsUtc(bytes, at, end, found) ? lettersEnd(bytes, at, end) : -1
  if (at + 3 > end) return -1
  const hours = digits2(bytes, at + 1)
  let after = at + 3
  const colon = after < end && bytes[after] === 0x3a ? 1 : 0
  const minutes = after + colon + 2 <= end ? digits2(bytes, after + colon) : Number.NaN
  if (minutes < 60) after += colon + 2
  if (!(hours < 24)) return -1
  const seconds = hours * 3600 + (minutes < 60 ? minutes * 60 : 0)
  found.zoneSeconds = sign === 0x2d ? -seconds : seconds
  return after
}

function zoneIsUtc(bytes: Buffer, at: number, end: number, found: WallTime): boolean {
  const size = lettersEnd(bytes, at, end) - at
  if (size !== 1 && size !== 3) return false
  const name = bytes.toString('latin1', at, at + size)
  if (name !== 'Z' && name !== 'z' && name !== 'UTC' && name !== 'GMT') return false
  found.zoneSeconds = 0
  return true
}

/** A zone glued to the time or after one space; without minutes only if glued, as a lone number may be anything. */
export function zoneIfAny(bytes: Buffer, at: number, end: number, found: WallTime): number {
  if (at >= end) return at
  const isApart = bytes[at] === 0x20
  const from = isApart ? at + 1 : at
  const byte = bytes[from] as number
  if (byte === 0x2b || byte === 0x2d) {
    if (!isDigit(bytes[from + 1])) return at
    const after = zoneEnd(bytes, from, end, found)
    if (after > 0 && (after - from >= 5 || !isApart) && !(after < end && isWordByte(bytes[after] as number)))
      return after
    found.zoneSeconds = Number.NaN
    return at
  }
  if (byte !== 0x5a && byte !== 0x7a && byte !== 0x55 && byte !== 0x47) return at
  return zoneIsUtc(bytes, from, end, found) ? lettersEnd(bytes, from, end) : at
}

/** Letters, which mean something only if they are those of UTC. */
export function zoneName(bytes: Buffer, at: number, end: number, found: WallTime): number {
  zoneIsUtc(bytes, at, end, found)
  const after = lettersEnd(bytes, at, end)
  return after > at ? after : -1
}

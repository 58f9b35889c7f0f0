import { ROW_RECEIVED, ROW_SERVICE, type EventBatch } from '../core/batch.ts'
import { RowRing, type RowWindow } from './ring.ts'

/** What a ring costs beside its block and index: objects, map entry, key. 1,350 bytes measured, rounded up. */
export const RING_OVERHEAD_BYTES = 1536
/** One service holds at most this part of the budget, so that a dozen busy ones do not evict each other. */
const BUDGET_PARTS = 16
/** The same for one whose size was asked for. */
export const RULE_BUDGET_PARTS = 2
const CACHE_SLOTS = 1024

/** A service's ring, and its share of the batch that is being added. */
interface ServiceRing {
  readonly service: string
  /** The service as it stands in rows. */
  readonly key: Uint8Array
  readonly ring: RowRing
  /** False once evicted, until it is written again. */
  isListed: boolean
  /** The batch that the fields below belong to. */
  stamp: number
  /** Oldest row of the batch that will stay; `newerRow` leads from there to newer ones. -1: none. */
  oldestRow: number
  bytes: number
  /** Newest row of the batch that does not fit beside its successors; -1: all fit. */
  droppedRow: number
}

export interface ServiceRingsOptions {
  /** Memory for all rings together, overhead included. */
  budgetBytes: number
  /** Most bytes of rows that one service may hold; at most a sixteenth of the budget counts. */
  ringBytesMax: number
  /** The same for services whose names begin with these prefixes; the longest one counts, up to half of the budget. */
  ringBytesByPrefix?: Readonly<Record<string, number>>
  /** Events received before this were never shown to these rings. */
  startNs: bigint
}

/** One ring per service under one memory budget; over it, the least recently written ring goes as a whole. */
export class ServiceRings {
  readonly #budgetBytes: number
  readonly #ringBytesOf: (service: string) => number
  /** Least recently written first. */
  readonly #rings = new Map<string, ServiceRing>()
  /** Service bytes → its ring, by a hash of a few bytes; keeps the hot path free of strings. */
  readonly #cache: (ServiceRing | undefined)[] = Array.from({ length: CACHE_SLOTS })
  #newerRow = new Int32Array(0)
  #stamp = 0
  #bytes = 0
  #completeFromNs: bigint
  #evicted = 0

  constructor(options: ServiceRingsOptions) {
    this.#budgetBytes = options.budgetBytes
    this.#ringBytesOf = ringSizes(options)
    this.#completeFromNs = options.startNs
  }

  /** Every event received from here on is still held. */
  get completeFromNs(): bigint {
    return this.#completeFromNs
  }

  get count(): number {
    return this.#rings.size
  }

  /** Memory taken, overhead included. */
  get bytes(): number {
    return this.#bytes
  }

  get evicted(): number {
    return this.#evicted
  }

  /** Counts by walking all rings: for status, not for the hot path. */
  get events(): number {
    let rows = 0
    for (const { ring } of this.#rings.values()) rows += ring.rows
    return rows
  }

  /** Least recently written first. */
  *all(): Iterable<RowRing> {
    for (const { ring } of this.#rings.values()) yield ring
  }

  /** Rings of the services whose names begin with the prefix. */
  *beginningWith(prefix: string): Iterable<RowRing> {
    for (const [service, { ring }] of this.#rings) if (service.startsWith(prefix)) yield ring
  }

  ring(service: string): RowRing | undefined {
    return this.#rings.get(service)?.ring
  }

  /**
   * Keeps the newest rows of every service. Walks from the newest row to the oldest, so that only rows that will stay
   * are ever copied; no row is decoded.
   */
  add(batch: EventBatch): void {
    const { rows, offsets } = batch
    const bytes = new Uint8Array(batch.bytes.buffer, batch.bytes.byteOffset, batch.length)
    if (this.#newerRow.length < rows) this.#newerRow = new Int32Array(rows)
    const newerRow = this.#newerRow
    const stamp = ++this.#stamp
    const touched: ServiceRing[] = []
    let end = batch.length
    for (let row = rows - 1; row >= 0; row--) {
      const start = offsets[row] ?? 0
      const size = end - start
      end = start
      const service = this.#find(bytes, start + ROW_SERVICE)
      if (service.stamp !== stamp) {
        service.stamp = stamp
        service.oldestRow = -1
        service.bytes = 0
        service.droppedRow = -1
        touched.push(service)
      }
      if (service.droppedRow >= 0) continue
      if (service.bytes + size > service.ring.bytesMax) {
        service.droppedRow = row
        continue
      }
      service.bytes += size
      newerRow[row] = service.oldestRow
      service.oldestRow = row
    }
    for (let i = touched.length - 1; i >= 0; i--) {
      const service = touched[i]
      if (service) this.#keep(service, batch, bytes)
    }
  }

  close(): void {
    for (const { ring } of this.#rings.values()) ring.release()
    this.#rings.clear()
    this.#cache.fill(undefined)
    this.#bytes = 0
  }

  #keep(service: ServiceRing, batch: EventBatch, bytes: Uint8Array): void {
    const { ring } = service
    this.#list(service)
    const bytesBefore = ring.allocatedBytes
    if (service.droppedRow >= 0) {
      this.#noteLost(receivedNs(batch.bytes, batch.offsets[service.droppedRow] ?? 0))
      ring.clear()
    } else {
      this.#noteLostBefore(ring, ring.firstKeptWith(service.bytes))
    }
    ring.reserve(service.bytes)
    for (let row = service.oldestRow; row >= 0; row = this.#newerRow[row] ?? -1) {
      ring.append(bytes, batch.offsets[row] ?? 0, batch.rowEnd(row))
    }
    this.#bytes += ring.allocatedBytes - bytesBefore
    if (this.#bytes > this.#budgetBytes) this.#evict()
  }

  /** Makes it the most recently written. */
  #list(service: ServiceRing): void {
    if (service.isListed) this.#rings.delete(service.service)
    else this.#bytes += RING_OVERHEAD_BYTES
    service.isListed = true
    this.#rings.set(service.service, service)
  }

  #evict(): void {
    for (const service of this.#rings.values()) {
      if (this.#bytes <= this.#budgetBytes) return
      const { ring } = service
      this.#noteLostBefore(ring, ring.next)
      this.#bytes -= ring.allocatedBytes + RING_OVERHEAD_BYTES
      this.#rings.delete(service.service)
      service.isListed = false
      ring.release()
      this.#evicted++
    }
  }

  /** Rows below `first` are about to be dropped. */
  #noteLostBefore(ring: RowRing, first: number): void {
    const window: RowWindow = { bytes: EMPTY, start: 0, end: 0 }
    if (first > ring.first && ring.locate(first - 1, window)) this.#noteLost(receivedNs(window.bytes, window.start))
  }

  #noteLost(lostNs: bigint): void {
    if (lostNs >= this.#completeFromNs) this.#completeFromNs = lostNs + 1n
  }

  /** The ring of the service whose length and bytes stand at `at`. */
  #find(bytes: Uint8Array, at: number): ServiceRing {
    let size = bytes[at] ?? 0
    let start = at + 1
    if (size >= 0x80) {
      let shift = 7
      size &= 0x7f
      for (let byte = 0x80; byte >= 0x80; shift += 7) {
        byte = bytes[start++] ?? 0
        size |= (byte & 0x7f) << shift
      }
    }
    const last = bytes[start + size - 1] ?? 0
    const slot =
      (size * 31 + (bytes[start] ?? 0) * 7 + (bytes[start + (size >> 1)] ?? 0) * 131 + last * 17) % CACHE_SLOTS
    const cached = this.#cache[slot]
    if (cached?.isListed && cached.key.length === size) {
      const key = cached.key
      let i = 0
      while (i < size && key[i] === bytes[start + i]) i++
      if (i === size) return cached
    }
    return this.#findByName(bytes, start, start + size, slot)
  }

  #findByName(bytes: Uint8Array, start: number, end: number, slot: number): ServiceRing {
    const key = bytes.slice(start, end)
    const name = Buffer.from(key.buffer).toString('utf8')
    let found = this.#rings.get(name)
    if (!found) {
      const ring = new RowRing(this.#ringBytesOf(name))
      found = { service: name, key, ring, isListed: false, stamp: 0, oldestRow: -1, bytes: 0, droppedRow: -1 }
      this.#list(found)
    }
    this.#cache[slot] = found
    return found
  }
}

const EMPTY = Buffer.alloc(0)

/** The rule of the longest prefix. */
function ringSizes(options: ServiceRingsOptions): (service: string) => number {
  const { budgetBytes, ringBytesMax, ringBytesByPrefix = {} } = options
  const otherwise = Math.min(ringBytesMax, Math.floor(budgetBytes / BUDGET_PARTS))
  const rules = Object.entries(ringBytesByPrefix)
    .map(([prefix, bytes]) => ({ prefix, bytes: Math.min(bytes, Math.floor(budgetBytes / RULE_BUDGET_PARTS)) }))
    .toSorted((a, b) => b.prefix.length - a.prefix.length)
  return (service) => rules.find(({ prefix }) => service.startsWith(prefix))?.bytes ?? otherwise
}

function receivedNs(bytes: Buffer, row: number): bigint {
  return bytes.readBigInt64LE(row + ROW_RECEIVED)
}

import { AppError } from '../core/errors.ts'
import { BLOCK_BYTES } from './limits.ts'
import type { RowsFile } from './names.ts'

interface Entry {
  rows: number
  bytes: number
  diskBytes: number
  /** Files that it consists of by now: 1, more while its bad rows are being isolated. */
  pieces: number
  /** Received time of the last row before it; 0n if that is not known. */
  afterNs: bigint
}

interface Waiter {
  receivedNs: bigint
  resolve: () => void
  reject: (error: unknown) => void
}

/** What lies in the spool by sequence number, and from that: up to which received time everything is stored. */
export class Ledger {
  readonly #entries = new Map<number, Entry>()
  readonly #waiters = new Set<Waiter>()
  #durableThroughNs = 0n
  /** Files in quarantine, from this process and earlier ones. */
  quarantinedFiles = 0
  #files = 0
  #rows = 0
  #bytes = 0
  #diskBytes = 0
  #isClosed = false
  /** Is anything accepted that is not yet durable? Asked when somebody waits for a time that is not yet durable. */
  readonly #isAccepting: () => boolean

  constructor(isAccepting: () => boolean) {
    this.#isAccepting = isAccepting
  }

  get files(): number {
    return this.#files
  }

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The bytes in whole blocks, as the disk takes them. */
  get diskBytes(): number {
    return this.#diskBytes
  }

  get durableThroughNs(): bigint {
    return this.#durableThroughNs
  }

  get storedThroughNs(): bigint {
    for (const entry of this.#entries.values()) return entry.afterNs
    return this.#durableThroughNs
  }

  /** A file is durable. Files come in order; a further one with the same number is another piece of the same. */
  add(file: RowsFile): void {
    const entry = this.#entries.get(file.sequence)
    const diskBytes = Math.ceil(file.bytes / BLOCK_BYTES) * BLOCK_BYTES
    if (entry) {
      entry.pieces++
      entry.rows += file.rows
      entry.bytes += file.bytes
      entry.diskBytes += diskBytes
    } else {
      const afterNs = this.#durableThroughNs
      this.#entries.set(file.sequence, { rows: file.rows, bytes: file.bytes, diskBytes, pieces: 1, afterNs })
    }
    this.#files++
    this.#diskBytes += diskBytes
    this.#rows += file.rows
    this.#bytes += file.bytes
    if (file.receivedNs > this.#durableThroughNs) this.#durableThroughNs = file.receivedNs
  }

  /** A file has become several, with the same rows. */
  replace(file: RowsFile, parts: number): void {
    const entry = this.#entries.get(file.sequence)
    if (!entry) return
    entry.pieces += parts - 1
    this.#files += parts - 1
  }

  /** A file needs no more attention: it is stored or in quarantine. */
  settle(file: RowsFile): void {
    const entry = this.#entries.get(file.sequence)
    if (!entry) return
    entry.pieces--
    this.#files--
    const isLast = entry.pieces === 0
    const rows = isLast ? entry.rows : Math.min(file.rows, entry.rows)
    const bytes = isLast ? entry.bytes : Math.min(file.bytes, entry.bytes)
    entry.rows -= rows
    entry.bytes -= bytes
    this.#rows -= rows
    this.#bytes -= bytes
    if (isLast) {
      this.#diskBytes -= entry.diskBytes
      this.#entries.delete(file.sequence)
      this.wake()
    }
  }

  /** True when nothing that was received at or before this is on its way to the store. */
  isStored(receivedNs: bigint): boolean {
    if (receivedNs > this.#durableThroughNs && this.#isAccepting()) return false
    return this.#entries.size === 0 || receivedNs <= this.storedThroughNs
  }

  waitStored(receivedNs: bigint, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new AppError('SERVER_CLOSING'))
      if (signal?.aborted) return reject(signal.reason as Error)
      if (this.isStored(receivedNs)) return resolve()
      const end = (): void => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        receivedNs,
        resolve: () => (end(), resolve()),
        reject: (error) => (end(), reject(error)),
      }
      const onAbort = (): void => waiter.reject(signal?.reason)
      signal?.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
    })
  }

  /** Looks who need not wait any longer. */
  wake(): void {
    for (const waiter of this.#waiters) if (this.isStored(waiter.receivedNs)) waiter.resolve()
  }

  /** Nothing will be stored any more. */
  close(): void {
    this.#isClosed = true
    for (const waiter of this.#waiters) waiter.reject(new AppError('SERVER_CLOSING'))
  }
}

import type { Socket } from 'node:dgram'
import { BULK_PACKETS_MAX, openBulk, type BulkReceiver, type OnPacket } from './bulk-receive.ts'

/** What is told when datagrams are read many at once. */
export interface BulkTurns {
  begin(): void
  /** `isEmpty`: nothing was left to be read. */
  end(isEmpty: boolean): void
}

export interface UdpReaderOptions {
  onPacket: OnPacket
  bulk?: BulkTurns | undefined
}

/** How long datagrams are counted, and how many in that time make it worth reading them many at once: 5,000 a second. */
const COUNTED_MS = 10
const BUSY_PACKETS = 50
/** Between two looks. */
const PAUSE_MS = 2
/** Calls in one turn of the event loop, so that others have theirs. */
const CALLS_MAX = 8

/** Of Node's socket, what it does not show: which descriptor it is, and whether Node itself reads. */
interface Handle {
  fd: number
  recvStart(): number
  recvStop(): number
}

/**
 * Reads a socket. While few datagrams come, Node reads each as it comes. While many do, Node is told to stop, and every
 * other millisecond all that has arrived is read at once, which costs a fraction. Where that is not possible Node reads
 * always.
 */
export class UdpReader {
  readonly #onPacket: OnPacket
  readonly #turns: BulkTurns | undefined
  /** `undefined`: datagrams are read one by one. */
  #handle: Handle | undefined
  /** Opened when it is needed. */
  #receiver: BulkReceiver | undefined
  #count = 0
  #countedFromMs = 0
  #timer: NodeJS.Timeout | undefined
  #more: NodeJS.Immediate | undefined
  #isClosed = false

  /** The socket must be bound. */
  constructor(socket: Socket, { onPacket, bulk }: UdpReaderOptions) {
    this.#onPacket = onPacket
    this.#turns = bulk
    this.#handle = socket.address().family === 'IPv4' ? handleOf(socket) : undefined
    socket.on('message', (bytes: Buffer, from) => {
      if (this.#handle) this.#counted()
      onPacket(bytes, from.address, from.port)
    })
  }

  /** Asks for a larger buffer than others may have. */
  forceReceiveBuffer(bytes: number): void {
    this.#open()?.forceReceiveBuffer(bytes)
  }

  /** Reads nothing any more. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    clearImmediate(this.#more)
  }

  #open(): BulkReceiver | undefined {
    this.#receiver ??= this.#handle && openBulk(this.#handle.fd)
    if (!this.#receiver) this.#handle = undefined
    return this.#receiver
  }

  #counted(): void {
    this.#count++
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const isBusy = this.#count >= BUSY_PACKETS
      this.#count = 0
      if (!isBusy || !this.#open() || this.#handle?.recvStop() !== 0) return
      this.#countedFromMs = performance.now()
      this.#drain()
    }, COUNTED_MS)
  }

  #drain(): void {
    for (let call = 0; call < CALLS_MAX; call++) {
      if (this.#readOnce()) return this.#rest()
      if (this.#isClosed) return
    }
    this.#more = setImmediate(() => this.#drain())
  }

  /** True when nothing is left. */
  #readOnce(): boolean {
    this.#turns?.begin()
    const count = this.#receiver?.receive(this.#onPacket) ?? 0
    const isEmpty = count < BULK_PACKETS_MAX
    this.#turns?.end(isEmpty)
    this.#count += count
    return isEmpty
  }

  #rest(): void {
    if (this.#isClosed) return
    const countedMs = performance.now() - this.#countedFromMs
    if (countedMs >= COUNTED_MS) {
      const isBusy = this.#count >= (BUSY_PACKETS / COUNTED_MS) * countedMs * CALM_SHARE
      this.#count = 0
      this.#countedFromMs += countedMs
      // Should Node not be able to go on, reading many at once does, and it is asked again later.
      if (!isBusy && this.#handle?.recvStart() === 0) return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#drain()
    }, PAUSE_MS)
  }
}

/** Of what makes a socket busy, what keeps it so: it does not change its mind all the time. */
const CALM_SHARE = 0.5

/** `undefined` where this Node keeps it elsewhere. */
function handleOf(socket: Socket): Handle | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol')
  if (symbol === undefined) return undefined
  const { handle } = (socket as unknown as Record<symbol, { handle?: Partial<Handle> | null }>)[symbol] ?? {}
  const isKnown =
    typeof handle?.fd === 'number' && typeof handle.recvStart === 'function' && typeof handle.recvStop === 'function'
  return isKnown ? (handle as Handle) : undefined
}

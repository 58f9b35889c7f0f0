import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../backoff.ts'
import type { Sealer } from './credentials.ts'
import type { PacketClock } from './packet-clock.ts'
import { connectRemote, resolveHost, type Remote } from './remote.ts'

export interface PacketSenderOptions {
  host: string
  port: number
  seal: Sealer
  clock: PacketClock
  /** Payloads that wait to be sent, most of all while the host's name is looked up. */
  queueBytesMax: number
}

export interface SendFigures {
  /** Datagrams that the kernel took. */
  sent: number
  sentBytes: number
  /** Not taken by the kernel, not even the second time, or lost at the end. */
  failed: number
  /** How often the other machine said that nothing listens there: of datagrams that count as sent. */
  refused: number
  /** Waiting. */
  queued: number
}

/** Datagrams handed to the kernel before other work of the process gets its turn. */
const TURN_PACKETS_MAX = 64
/** A host's name is looked up again after an error, no more often than this. */
const RESOLVE_AGAIN_MS = 5000
/** Places at the queue's front that may be those of sent payloads. */
const QUEUE_SENT_MAX = 4096
/** What a payload takes in memory beside its bytes, about. */
const PAYLOAD_OVERHEAD_BYTES = 200

/**
 * Signs payloads at the moment they leave, because servers refuse packets that are older than a fraction of a second,
 * and gives them to the kernel after the turn of whoever wrote them. Keeps no process alive; what is queued when the process
 * ends leaves at its end. Never throws.
 */
export class PacketSender {
  readonly #options: PacketSenderOptions
  readonly #figures = { sent: 0, sentBytes: 0, failed: 0, refused: 0 }
  #remote: Remote | undefined
  #queue: Buffer[] = []
  #next = 0
  #queuedBytes = 0
  /** Given to the kernel, whose answer is not there yet. */
  #inFlight = 0
  #isScheduled = false
  #isClosed = false
  #isResolving = false
  #resolvedAtMs = 0
  #waiting: (() => void)[] = []
  readonly #end = (): void => this.#sendAll()

  constructor(options: PacketSenderOptions) {
    this.#options = options
    if (isIP(options.host) === 0) void this.#resolve()
    else this.#connect(options.host)
  }

  /** False, and nothing else, when the queue is full or the sender closed. */
  enqueue(payload: Buffer): boolean {
    const bytes = payload.length + PAYLOAD_OVERHEAD_BYTES
    if (this.#isClosed || this.#queuedBytes + bytes > this.#options.queueBytesMax) return false
    if (this.#queuedBytes === 0) process.on('exit', this.#end)
    this.#queue.push(payload)
    this.#queuedBytes += bytes
    this.#schedule()
    return true
  }

  /** Resolves when nothing is queued any more, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#queuedBytes === 0 && this.#inFlight === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      timer = setTimeout(resolve, timeoutMs)
    })
    clearTimeout(timer)
  }

  /** What is not flushed before is lost. */
  close(): void {
    this.#isClosed = true
    this.#figures.failed += this.#queue.length - this.#next
    this.#clear()
    this.#remote?.close()
    this.#remote = undefined
  }

  get figures(): SendFigures {
    return { ...this.#figures, queued: this.#queue.length - this.#next }
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#remote) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#sendSome(TURN_PACKETS_MAX)
      if (this.#queuedBytes > 0) this.#schedule()
    })
  }

  #sendAll(): void {
    this.#sendSome(this.#queue.length)
  }

  #sendSome(countMax: number): void {
    const end = Math.min(this.#queue.length, this.#next + countMax)
    while (this.#remote && this.#next < end) {
      const payload = this.#queue[this.#next++]
      if (!payload) continue
      this.#queuedBytes -= payload.length + PAYLOAD_OVERHEAD_BYTES
      this.#send(this.#remote, payload, true)
    }
    if (this.#next === this.#queue.length) this.#clear()
    else if (this.#next > QUEUE_SENT_MAX) {
      this.#queue = this.#queue.slice(this.#next)
      this.#next = 0
    }
  }

  #clear(): void {
    this.#queue = []
    this.#next = 0
    this.#queuedBytes = 0
    process.off('exit', this.#end)
    this.#settle()
  }

  #send(remote: Remote, payload: Buffer, mayRepeat: boolean): void {
    const packet = this.#options.seal(payload, this.#options.clock.nowNs())
    this.#inFlight++
    remote.send(packet, (error: NodeJS.ErrnoException | null) => {
      this.#inFlight--
      if (!error) {
        this.#figures.sent++
        this.#figures.sentBytes += packet.length
      } else {
        // The kernel tells of an earlier datagram's fate instead of taking this one.
        if (error.code === 'ECONNREFUSED') this.#figures.refused++
        if (mayRepeat && this.#remote) this.#send(this.#remote, payload, false)
        else this.#figures.failed++
        this.#resolveAgain()
      }
      this.#settle()
    })
  }

  #settle(): void {
    if (this.#queuedBytes > 0 || this.#inFlight > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #connect(address: string): void {
    const before = this.#remote
    if (this.#isClosed || before?.address === address) return
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ECONNREFUSED') this.#figures.refused++
      this.#resolveAgain()
    }
    this.#remote = connectRemote({ address, port: this.#options.port, onError, isKeeping: false })
    before?.close()
    if (this.#queuedBytes > 0) this.#schedule()
  }

  #resolveAgain(): void {
    const isRecent = performance.now() - this.#resolvedAtMs < RESOLVE_AGAIN_MS
    if (isIP(this.#options.host) === 0 && !isRecent && !this.#isResolving) void this.#resolve()
  }

  async #resolve(): Promise<void> {
    this.#isResolving = true
    for (let attempt = 0; !this.#isClosed; attempt++) {
      try {
        const address = await resolveHost(this.#options.host)
        this.#connect(address)
        break
      } catch {
        // The name may be known later; until then the queue holds what there is room for.
        if (this.#remote) break
        await delay(backoffMs(attempt, Math.random), undefined, { ref: false })
      }
    }
    this.#resolvedAtMs = performance.now()
    this.#isResolving = false
  }
}

import type { Socket } from 'node:net'
import type { Counters } from '../../core/counters.ts'
import { encodeAck, type Challenge } from '../../wire/forward/handshake.ts'
import { FAULTY, UNFINISHED, ValueScanner } from '../../wire/msgpack/scanner.ts'
import { senderHost } from '../sender-host.ts'
import type { Doorkeeper } from './doorkeeper.ts'
import type { Intake } from './intake.ts'
import { Messages, type MessagesContext } from './messages.ts'
import type { CloseReason } from './settings.ts'
import type { Ticket } from './tickets.ts'

const NIL = 0xc0
/** Of a connection that cost nobody an event. */
const HARMLESS: ReadonlySet<CloseReason> = new Set(['handshake', 'ended', 'slow_reader', 'refused'])
const EMPTY: Buffer = Buffer.alloc(0)

export interface ConnectionContext extends MessagesContext {
  doorkeeper: Doorkeeper
  intake: Intake
  counters: Counters
  /** Of all connections: what has come of messages that are not whole yet. */
  buffered: { bytes: number }
  /** A clock that nobody sets. */
  nowMs: () => number
  onClosed: (connection: Connection) => void
}

/** One sender: finds the messages in what it sends, in order, a turn at a time, and answers. */
export class Connection {
  readonly #socket: Socket
  readonly #context: ConnectionContext
  #scanner: ValueScanner
  readonly #address: string
  readonly #openedMs: number
  #messages: Messages | undefined
  #challenge: Challenge | undefined
  /** What was not looked at yet stands from `#from` to `#to`. */
  #bytes = EMPTY
  #from = 0
  #to = 0
  /** What of `#bytes` counts as buffered. */
  #counted = 0
  #heardMs: number
  /** Something else has to happen before it goes on. */
  #isWaiting = false
  #isProcessing = false
  #isQuiet = false
  #hasEnded = false
  #isClosed = false
  readonly #unanswered = new Set<Ticket>()
  #forgetPrincipal: () => void = () => undefined

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket
    this.#context = context
    const { depthMax, handshakeBytesMax } = context.limits
    this.#scanner = new ValueScanner({ depthMax, bytesMax: handshakeBytesMax })
    this.#address = socket.remoteAddress ?? ''
    this.#openedMs = this.#heardMs = context.nowMs()
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => this.#ended())
    // What has come is taken; that it goes no further is told by `close`.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#ended())
    this.#begin()
  }

  #begin(): void {
    const { doorkeeper } = this.#context
    const principal = doorkeeper.withoutHandshake()
    if (principal) return this.#admit({ principal, hostname: undefined })
    this.#challenge = doorkeeper.challenge()
    this.#answer(doorkeeper.helo(this.#challenge))
  }

  #admit({ principal, hostname }: { principal: MessagesPrincipal; hostname: string | undefined }): void {
    const host = hostname ?? senderHost(this.#address || '127.0.0.1', this.#context.hostname)
    const { depthMax, messageBytesMax } = this.#context.limits
    this.#scanner = new ValueScanner({ depthMax, bytesMax: messageBytesMax })
    this.#challenge = undefined
    this.#messages = new Messages(this.#context, principal, host)
    this.#forgetPrincipal = principal.onEnded(() => this.close('ended'))
  }

  /** Looks whether the sender takes too long for what it has begun. */
  sweep(): void {
    const { nowMs, limits } = this.#context
    if (!this.#messages) {
      if (nowMs() - this.#openedMs > limits.handshakeMs) this.close('handshake')
    } else if (this.#to > this.#from && !this.#isWaiting && nowMs() - this.#heardMs > limits.messageIdleMs) {
      this.close('stalled')
    }
  }

  /** What was taken whole goes its way; the rest is lost. */
  close(reason: CloseReason): void {
    if (this.#isClosed) return
    this.#context.counters.add('forward_connections_closed_total', { reason })
    if (!HARMLESS.has(reason)) this.#context.reject(reason, 1, `connection from ${this.#address || 'this machine'}`)
    this.#release()
  }

  /** Reads nothing more. Resolves when all messages that have come whole are taken; they are still answered. */
  async quiesce(): Promise<void> {
    this.#isQuiet = true
    this.#socket.pause()
    while (this.#advance(Infinity)) await new Promise<void>((resolve) => this.#messages?.onDecompressed(resolve))
    this.#isWaiting = true
  }

  /** Ends it without a reason to count: when the listener closes. */
  stop(): void {
    if (!this.#isClosed) this.#release()
  }

  #release(): void {
    this.#isClosed = true
    this.#forgetPrincipal()
    this.#messages?.close()
    this.#count(0)
    this.#bytes = EMPTY
    this.#from = this.#to = 0
    this.#leave()
  }

  /** What was answered last is still sent, to somebody who reads it. */
  #leave(): void {
    const socket = this.#socket
    socket.destroySoon()
    const cutOff = setTimeout(() => socket.destroy(), this.#context.limits.lastAnswerMs)
    cutOff.unref()
    socket.once('close', () => clearTimeout(cutOff))
    this.#context.onClosed(this)
  }

  #take(chunk: Buffer): void {
    if (this.#isClosed) return
    this.#heardMs = this.#context.nowMs()
    this.#context.received.add(chunk.length)
    if (this.#from === this.#to) {
      this.#count(0)
      this.#bytes = chunk
      this.#from = 0
      this.#to = chunk.length
    } else if (!this.#append(chunk)) return this.close('buffer_full')
    if (!this.#isWaiting) this.#process()
  }

  /** Behind what is there already. False when all connections together may not keep so much. */
  #append(chunk: Buffer): boolean {
    const size = this.#to - this.#from
    if (this.#to + chunk.length > this.#bytes.length || this.#counted === 0) {
      const { bufferBytesMax } = this.#context.limits
      const capacity = Math.max(64 * 1024, (size + chunk.length) * 2)
      if (this.#context.buffered.bytes - this.#counted + capacity > bufferBytesMax) return false
      const grown = Buffer.allocUnsafeSlow(capacity)
      this.#bytes.copy(grown, 0, this.#from, this.#to)
      this.#bytes = grown
      this.#from = 0
      this.#to = size
      this.#count(capacity)
    }
    chunk.copy(this.#bytes, this.#to)
    this.#to += chunk.length
    return true
  }

  #count(bytes: number): void {
    this.#context.buffered.bytes += bytes - this.#counted
    this.#counted = bytes
  }

  #ended(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (!this.#isWaiting) this.#process()
  }

  /** Takes what is whole until it has had its turn, or has to wait. */
  #process(): void {
    this.#isProcessing = true
    const until = this.#advance(this.#context.limits.turnBytes)
    this.#isProcessing = false
    if (until) return this.#wait(until)
    this.#keep()
    if (this.#hasEnded && !this.#isClosed) this.#finish()
  }

  /** Takes so many bytes of what is whole; where they are Infinity, whether there is room or not. Returns what to wait for. */
  #advance(turnBytes: number): Wait | undefined {
    const { intake } = this.#context
    const isPatient = turnBytes !== Infinity
    while (!this.#isClosed) {
      if (isPatient && intake.isFull) return (go) => intake.onRoom(go)
      if (turnBytes <= 0) return (go) => void setImmediate(go)
      const messages = this.#messages
      if (messages?.fault) this.close(messages.fault)
      else if (messages?.isDecompressing) return (go) => messages.onDecompressed(go)
      else if (messages?.isBusy) turnBytes -= messages.advance(turnBytes)
      else {
        const at = this.#from
        const end = at === this.#to ? UNFINISHED : this.#scanner.end(this.#bytes, at, this.#to)
        if (end === UNFINISHED) return undefined
        if (end === FAULTY) this.close(this.#challenge ? 'handshake' : this.#scanner.fault)
        else if (isPatient && messages?.isInDoubt(this.#bytes, at)) {
          return (go) => this.#context.chunks.onComplete(go)
        } else {
          this.#from = end
          turnBytes--
          this.#handle(at, end)
        }
      }
    }
    return undefined
  }

  /** Reading pauses until `go` is called. */
  #wait(until: Wait): void {
    this.#isWaiting = true
    this.#socket.pause()
    until(() => {
      if (this.#isClosed || this.#isQuiet) return
      this.#isWaiting = false
      this.#process()
      if (!this.#isWaiting) this.#socket.resume()
    })
  }

  /** Begins with the message there. */
  #handle(at: number, end: number): void {
    if (this.#challenge) this.#handshake(at, this.#challenge)
    else if (this.#bytes[at] !== NIL) {
      const fault = this.#messages?.begin(this.#bytes, at, end, (chunk, ticket) => this.#acknowledge(chunk, ticket))
      if (fault) this.close(fault)
    }
  }

  #handshake(at: number, challenge: Challenge): void {
    const answer = this.#context.doorkeeper.answer(this.#bytes, at, challenge, this.#address)
    if (!answer) return this.close('handshake')
    this.#answer(answer.pong)
    if (answer.admitted) this.#admit(answer.admitted)
    else this.close('signature')
  }

  #acknowledge(chunk: string, ticket: Ticket): void {
    this.#unanswered.add(ticket)
    ticket.onSettled((isDurable) => {
      this.#unanswered.delete(ticket)
      if (this.#isClosed) return
      if (!isDurable) return this.close('refused')
      this.#answer(encodeAck(chunk))
      if (this.#hasEnded && !this.#isWaiting && !this.#isProcessing) this.#finish()
    })
  }

  #answer(bytes: Buffer): void {
    if (!this.#socket.writable) return
    this.#socket.write(bytes)
    if (this.#socket.writableLength > this.#context.limits.answerBytesMax) this.close('slow_reader')
  }

  /** What is left over is kept apart from the chunk it came in. */
  #keep(): void {
    if (this.#isClosed) return
    const size = this.#to - this.#from
    if (size === 0) {
      this.#bytes = EMPTY
      this.#from = this.#to = 0
      this.#count(0)
    } else if (this.#counted > 0 && this.#from > this.#bytes.length / 2) {
      this.#bytes.copy(this.#bytes, 0, this.#from, this.#to)
      this.#from = 0
      this.#to = size
    }
  }

  /** Nothing more comes, and nothing that came is left to do but what others wait for. */
  #finish(): void {
    if (this.#to > this.#from) return this.close('truncated')
    if (this.#unanswered.size > 0 && this.#socket.writable) return
    if (!this.#isClosed) this.#release()
  }
}

/** Calls back once something has happened. */
type Wait = (go: () => void) => void
type MessagesPrincipal = ConstructorParameters<typeof Messages>[1]

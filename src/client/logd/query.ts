import { CONTROL_KEY, CONTROL_TEXT, LOGD_PORT } from '../../wire/logd/fields.ts'
import { decodeMessage, encodeCommand, type LogdMessage, type LogdQuery } from '../../wire/logd/message.ts'
import { sealerOf, type LogdCredentials, type Sealer } from './credentials.ts'
import { isEmpty } from './content.ts'
import { Mailbox } from './mailbox.ts'
import { PacketClock } from './packet-clock.ts'
import { connectRemote, resolveHost, type Remote } from './remote.ts'

export interface LogdQueryOptions extends LogdCredentials {
  /** 127.0.0.1 unless given. */
  host?: string | undefined
  /** 6102 unless given. */
  port?: number | undefined
  /** What is asked for; `level` is this level exactly. */
  query?: LogdQuery | undefined
  /** What the server says about its answer: that messages were overwritten before they could be read. */
  onNotice?: ((text: string) => void) | undefined
  /** Ends the iteration with the signal's reason as error: what came so far is not the whole answer. */
  signal?: AbortSignal | undefined
  /** Longest wait for the next datagram: 2 s. */
  silenceMs?: number | undefined
  /** How often a question is asked that gets no answer at all: twice. */
  attemptsMax?: number | undefined
  /** Messages that wait for a slow reader: 100,000, as many as an answer may have. */
  messagesMax?: number | undefined
}

/** The answer did not come to its end. */
export class LogdSilence extends Error {
  override readonly name = 'LogdSilence'
  /** Messages of the answer that did come. */
  readonly received: number

  constructor(message: string, received: number, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.received = received
  }
}

const SILENCE_MS = 2000
const ATTEMPTS_MAX = 2
const MESSAGES_MAX = 100_000
/** Asked of the kernel: an answer comes in a burst. */
const RECEIVE_BYTES = 4 * 1024 * 1024

/**
 * What the server has in memory, newest first. Throws LogdSilence when the server does not answer, or falls silent before it
 * has said that this was all. Datagrams that are lost on the way are not noticed otherwise.
 */
export async function* query(options: LogdQueryOptions): AsyncGenerator<LogdMessage, void> {
  const { host = '127.0.0.1', port = LOGD_PORT, signal, attemptsMax = ATTEMPTS_MAX } = options
  const seal = sealerOf(options, 'read')
  signal?.throwIfAborted()
  const address = await resolveHost(host)
  for (let attempt = 1; ; attempt++) {
    const answer = new Answer(options, address, port)
    try {
      answer.ask(seal)
      for await (const message of answer.messages()) yield message
      return
    } catch (error) {
      // A new question has a new socket: what still comes for the old one is not mixed into its answer.
      const mayAskAgain = error instanceof LogdSilence && !answer.hasBegun && attempt < attemptsMax
      if (!mayAskAgain) throw error
    } finally {
      answer.close()
    }
  }
}

/** One question and what comes back. */
class Answer {
  readonly #options: LogdQueryOptions
  readonly #shownHost: string
  readonly #inbox: Mailbox<LogdMessage>
  readonly #remote: Remote
  readonly #knock = (): void => this.#inbox.knock()
  #error: Error | undefined
  #isComplete = false
  #received = 0

  constructor(options: LogdQueryOptions, address: string, port: number) {
    this.#options = options
    this.#shownHost = `${options.host ?? address}:${port}`
    this.#inbox = new Mailbox(options.messagesMax ?? MESSAGES_MAX)
    this.#remote = connectRemote({
      address,
      port,
      onDatagram: (bytes) => this.#receive(bytes),
      onError: (error) => this.#fail(error),
      receiveBytes: RECEIVE_BYTES,
      isKeeping: true,
    })
    options.signal?.addEventListener('abort', this.#knock)
  }

  get hasBegun(): boolean {
    return this.#received > 0
  }

  ask(seal: Sealer): void {
    const command = encodeCommand({ name: 'query', query: this.#options.query ?? {} })
    this.#remote.send(seal(command, new PacketClock().nowNs()), (error) => {
      if (error) this.#fail(error)
    })
  }

  close(): void {
    this.#options.signal?.removeEventListener('abort', this.#knock)
    this.#remote.close()
  }

  async *messages(): AsyncGenerator<LogdMessage, void> {
    const { signal, silenceMs = SILENCE_MS } = this.#options
    for (;;) {
      const message = this.#inbox.take()
      if (message) {
        yield message
        continue
      }
      signal?.throwIfAborted()
      this.#checkSkipped()
      if (this.#isComplete) return
      if (this.#error) throw this.#silence(this.#error)
      const heard = this.#received
      await this.#inbox.wait(silenceMs)
      const hasNews = this.#received > heard || this.#isComplete || this.#error || signal?.aborted
      if (!hasNews) throw this.#silence()
    }
  }

  #receive(bytes: Buffer): void {
    const message = decodeMessage(bytes)
    if (!message || isEmpty(message) || this.#isComplete) return
    if (message.key !== CONTROL_KEY) {
      this.#received++
      this.#inbox.put(message)
    } else if (message.text === CONTROL_TEXT.end) {
      this.#isComplete = true
      this.#inbox.knock()
    } else this.#options.onNotice?.(message.text)
  }

  #fail(error: Error): void {
    this.#error = error
    this.#inbox.knock()
  }

  #checkSkipped(): void {
    const skipped = this.#inbox.takeSkippedCount()
    if (skipped === 0) return
    throw new LogdSilence(`${skipped} messages came while the reader was busy, and are missing`, this.#received)
  }

  #silence(error?: Error & { code?: string }): LogdSilence {
    const { silenceMs = SILENCE_MS } = this.#options
    if (this.#received > 0) {
      const why = `The answer of ${this.#shownHost} broke off after ${this.#received} messages: its end is missing`
      return new LogdSilence(why, this.#received, error)
    }
    const why =
      error?.code === 'ECONNREFUSED'
        ? 'nothing listens there'
        : (error?.message ??
          `not a word within ${silenceMs} ms. A server that is there is silent when the secret is wrong or the clocks are apart`)
    return new LogdSilence(`No answer from ${this.#shownHost}: ${why}`, 0, error)
  }
}

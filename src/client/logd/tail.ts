import { CONTROL_KEY, CONTROL_TEXT, LOGD_PORT } from '../../wire/logd/fields.ts'
import { decodeMessage, encodeCommand, type LogdMessage, type LogdQuery } from '../../wire/logd/message.ts'
import { sealerOf, type LogdCredentials, type Sealer } from './credentials.ts'
import { isEmpty } from './content.ts'
import { Mailbox } from './mailbox.ts'
import { PacketClock } from './packet-clock.ts'
import { connectRemote, resolveHost, type Remote } from './remote.ts'

/** What a tail filters by: the rest of LogdQuery is for queries. */
export type LogdTailFilters = Pick<LogdQuery, 'keyPrefix' | 'level' | 'text' | 'httpMethod' | 'url' | 'responseStatus'>

export interface LogdTailOptions extends LogdCredentials {
  /** 127.0.0.1 unless given. */
  host?: string | undefined
  /** 6102 unless given. */
  port?: number | undefined
  /** `level` is the least; the original ignores `text` and `httpMethod`, which are therefore looked at here as well. */
  filters?: LogdTailFilters | undefined
  /** Ends the iteration without an error. */
  signal?: AbortSignal | undefined
  /** How often the server is told that somebody still reads: 2 s, as logd wants it. It gives up after 6 s. */
  pingMs?: number | undefined
  /** Messages that wait for a slow reader: 10,000. */
  messagesMax?: number | undefined
}

/**
 * `watching`: the server has confirmed that it sends. `kicked`: it has stopped, for lack of pings. `unanswered`: it says nothing
 * at all: it is not there, or drops what it is sent (wrong secret, clocks apart). After `kicked` and `unanswered`,
 * messages may be missing until the next `watching`.
 */
export type LogdNotice = 'watching' | 'kicked' | 'unanswered'

export type LogdTailItem =
  | { kind: 'message'; message: LogdMessage }
  /** This many messages came faster than this reader takes them. */
  | { kind: 'skipped'; count: number }
  | {
      kind: 'notice'
      notice: LogdNotice
      /** Whether messages may be missing since the notice before. */
      hasGap: boolean
    }

const PING_MS = 2000
const MESSAGES_MAX = 10_000
/** Pings without a datagram from the server after which it is asked to confirm. */
const SILENT_PINGS_MAX = 3
/** Unanswered requests after which that is said. */
const UNANSWERED_MAX = 3
/** Unanswered requests after which the host's name is looked up again. */
const RESOLVE_AFTER = 5
/** Asked of the kernel for what arrives between two turns of this process. */
const RECEIVE_BYTES = 4 * 1024 * 1024

/**
 * Messages as they arrive, for as long as it takes. UDP loses datagrams without a word; what can be known about gaps
 * is told as notices. Rejects when the host's name is not known at the start.
 */
export async function* tail(options: LogdTailOptions): AsyncGenerator<LogdTailItem, void> {
  const { signal, messagesMax = MESSAGES_MAX } = options
  if (signal?.aborted) return
  const inbox = new Mailbox<LogdTailItem>(messagesMax)
  const watch = new Watch(options, inbox)
  const end = (): void => {
    watch.stop()
    inbox.knock()
  }
  signal?.addEventListener('abort', end)
  try {
    await watch.start()
    for (;;) {
      if (signal?.aborted) return
      const skipped = inbox.takeSkippedCount()
      if (skipped > 0) yield { kind: 'skipped', count: skipped }
      const item = inbox.take()
      if (item) yield item
      else await inbox.wait()
    }
  } finally {
    signal?.removeEventListener('abort', end)
    watch.stop()
  }
}

/** Keeps one subscription alive. */
class Watch {
  readonly #host: string
  readonly #port: number
  readonly #seal: Sealer
  readonly #clock = new PacketClock()
  readonly #filters: LogdTailFilters
  readonly #pingMs: number
  readonly #inbox: Mailbox<LogdTailItem>
  #remote: Remote | undefined
  #timer: NodeJS.Timeout | undefined
  /** The server has answered the last request. */
  #isConfirmed = false
  #isStopped = false
  /** Messages may be missing since the last notice. */
  #hasGap = false
  /** That nobody answers has been said, and nothing has changed since. */
  #isToldAway = false
  #silentPings = 0
  #unanswered = 0
  #askedAtMs = 0

  constructor(options: LogdTailOptions, inbox: Mailbox<LogdTailItem>) {
    this.#host = options.host ?? '127.0.0.1'
    this.#port = options.port ?? LOGD_PORT
    this.#seal = sealerOf(options, 'read')
    this.#filters = options.filters ?? {}
    this.#pingMs = options.pingMs ?? PING_MS
    this.#inbox = inbox
  }

  async start(): Promise<void> {
    this.#connect(await resolveHost(this.#host))
    if (this.#isStopped) return
    this.#ask()
    this.#timer = setInterval(() => this.#tick(), this.#pingMs)
  }

  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
    this.#remote?.close()
    this.#remote = undefined
  }

  #connect(address: string): void {
    const before = this.#remote
    if (this.#isStopped || before?.address === address) return
    before?.close()
    this.#remote = connectRemote({
      address,
      port: this.#port,
      onDatagram: (bytes) => this.#receive(bytes),
      onError: () => this.#lose(),
      receiveBytes: RECEIVE_BYTES,
      isKeeping: true,
    })
  }

  #tick(): void {
    this.#silentPings++
    if (this.#isConfirmed && this.#silentPings <= SILENT_PINGS_MAX) this.#send('ping')
    else this.#ask()
  }

  /** Subscribes, anew or for the first time; the server answers that. */
  #ask(): void {
    if (this.#unanswered === UNANSWERED_MAX) this.#lose()
    if (this.#unanswered > 0 && this.#unanswered % RESOLVE_AFTER === 0) void this.#resolveAgain()
    this.#unanswered++
    this.#askedAtMs = performance.now()
    this.#send('tail')
  }

  #send(name: 'tail' | 'ping'): void {
    const command = encodeCommand(name === 'tail' ? { name, query: this.#filters } : { name })
    this.#remote?.send(this.#seal(command, this.#clock.nowNs()), (error) => {
      if (error) this.#lose()
    })
  }

  /** Nobody answers at the moment: the subscription may be gone with whoever had it. */
  #lose(): void {
    this.#isConfirmed = false
    this.#hasGap = true
    if (this.#isToldAway) return
    this.#isToldAway = true
    this.#tell('unanswered')
  }

  async #resolveAgain(): Promise<void> {
    try {
      this.#connect(await resolveHost(this.#host))
    } catch {
      // The name may be known again when this is tried the next time.
    }
  }

  #receive(bytes: Buffer): void {
    const message = decodeMessage(bytes)
    if (!message || isEmpty(message)) return
    this.#silentPings = 0
    if (message.key === CONTROL_KEY) this.#obey(message.text)
    else if (this.#isWanted(message)) this.#inbox.put({ kind: 'message', message })
  }

  #obey(text: string): void {
    if (text === CONTROL_TEXT.kick) {
      this.#isConfirmed = false
      this.#hasGap = true
      this.#tell('kicked')
      // Whoever may write could say this all the time: the server is not asked more often for it.
      if (performance.now() - this.#askedAtMs > this.#pingMs / 2) this.#ask()
    } else if (text === CONTROL_TEXT.tailing) {
      this.#unanswered = 0
      if (this.#isConfirmed) return
      this.#isConfirmed = true
      this.#isToldAway = false
      this.#tell('watching')
      this.#hasGap = false
    } else {
      const count = Number(/^(\d{1,15}) messages skipped$/.exec(text)?.[1] ?? 0)
      if (count > 0) this.#inbox.put({ kind: 'skipped', count })
    }
  }

  #tell(notice: LogdNotice): void {
    this.#inbox.put({ kind: 'notice', notice, hasGap: this.#hasGap })
  }

  #isWanted({ text, httpMethod }: LogdMessage): boolean {
    const wanted = this.#filters
    if (wanted.text !== undefined && !text.toLowerCase().includes(wanted.text.toLowerCase())) return false
    return wanted.httpMethod === undefined || httpMethod === wanted.httpMethod
  }
}

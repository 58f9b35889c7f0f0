import { backoffMs, PATIENCE, type Patience } from './backoff.ts'
import type { Connection } from './connection.ts'
import { ServerAway, ServerProblem } from './failures.ts'

export interface StreamUploadOptions {
  connection: Connection
  name: string
  /** Undefined: as the server has it set. */
  isIndexed?: boolean | undefined
  host?: string | undefined
  /** How long to keep trying while the server is away. */
  retryMsMax: number
  onOutage?: (reason: string) => void
  onRecovery?: () => void
  patience?: Patience
  /** How often the server is asked how far it has come. */
  askMs?: number
}

export interface UploadResult {
  size: number
  state: string
}

/** Bytes that the server may not have yet, as far as is known: kept in order to send them again. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024
/** From here on the server is asked how far it has come. */
const ASK_BYTES = 8 * 1024 * 1024
const ASK_MS = 5000
/** Answers in a row that say that the connection leads nowhere any more. */
const STRIKES_MAX = 3

/** The bytes of a stream that are lost: those between what the server has and what is still here. */
export class StreamGap extends Error {
  override readonly name = 'StreamGap'
}

/** Writes one stream, across cuts of the connection and restarts of the server, without gap or repeat. */
export class StreamUpload {
  readonly #options: StreamUploadOptions
  readonly #path: string
  #kept: Buffer[] = []
  /** Where in the stream the first kept byte stands, and the one after the last. */
  #keptFrom = 0
  #end = 0
  #isEnded = false
  #isAsking = false
  #attempt = 0
  #strikes = 0
  #abort: AbortController | undefined
  #wakers: (() => void)[] = []
  #failure: unknown

  constructor(options: StreamUploadOptions) {
    this.#options = options
    this.#path = `/streams/${options.name.split('/').map(encodeURIComponent).join('/')}`
  }

  get path(): string {
    return this.#path
  }

  /** Whether there is such a stream, and how far it has come. Rejects as the connection does. */
  async ask(): Promise<{ offset: number; state: string } | undefined> {
    try {
      const response = await this.#options.connection.open(this.#path, {
        method: 'PUT',
        headers: { 'content-range': 'bytes */*' },
        body: new Uint8Array(0),
      })
      // Else its connection is not used again.
      response.resume()
      const { headers } = response
      return { offset: Number(headers['upload-offset']), state: String(headers['tailrace-stream-state']) }
    } catch (error) {
      if (error instanceof ServerProblem && error.code === 'STREAM_NOT_FOUND') return undefined
      throw error
    }
  }

  /** More of the stream. Resolves when there is room for more. Rejects when the upload has failed. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#kept.push(bytes)
    this.#end += bytes.length
    this.#wake()
    while (this.#end - this.#keptFrom > KEPT_BYTES_MAX && this.#failure === undefined) {
      void this.#askOn()
      await this.#change()
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** That was all. */
  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  /** Sends what is written. Resolves when the server has all of it on disk; rejects when trying again cannot help. */
  async run(): Promise<UploadResult> {
    const timer = setInterval(() => void this.#askOn(true), this.#options.askMs ?? ASK_MS)
    try {
      return await this.#run()
    } catch (error) {
      this.#failure = error
      this.#wake()
      throw error
    } finally {
      clearInterval(timer)
      this.#attempt++
      this.#wake()
    }
  }

  async #run(): Promise<UploadResult> {
    const { retryMsMax, patience = PATIENCE, onOutage, onRecovery } = this.#options
    let awaySinceMs: number | undefined
    for (let tries = 0; ; tries++) {
      try {
        const known = tries === 0 ? undefined : await this.ask()
        if (awaySinceMs !== undefined) onRecovery?.()
        awaySinceMs = undefined
        if (known?.state === 'finished') return { size: known.offset, state: known.state }
        return await this.#send(known?.offset)
      } catch (error) {
        if (!isTemporary(error)) throw error
        const nowMs = performance.now()
        if (awaySinceMs === undefined) onOutage?.(error.message)
        awaySinceMs ??= nowMs
        const waitMs = backoffMs(Math.min(tries, 5), patience.random)
        if (nowMs - awaySinceMs + waitMs > retryMsMax) throw error
        await patience.wait(waitMs, undefined)
      }
    }
  }

  /** `known`: how far there is a stream; `undefined`: there is none. */
  async #send(known: number | undefined): Promise<UploadResult> {
    const offset = known ?? 0
    this.#letGo(offset)
    if (offset < this.#keptFrom) {
      throw new StreamGap(
        `The server has ${offset} bytes of the stream, and those up to ${this.#keptFrom} are not kept here.`,
      )
    }
    const { connection, isIndexed, host } = this.#options
    const abort = new AbortController()
    this.#abort = abort
    this.#strikes = 0
    const attempt = ++this.#attempt
    const request = connection.json<UploadResult>(this.#path, {
      method: 'PUT',
      parameters: { index: isIndexed === undefined ? undefined : String(isIndexed), host },
      headers: known === undefined ? {} : { 'content-range': `bytes ${offset}-*/*` },
      body: this.#bytesFrom(offset, attempt),
      signal: abort.signal,
      // It says nothing before the end, and what is sent may be silent for as long.
      silenceMsMax: 0,
    })
    try {
      return await request
    } finally {
      this.#attempt++
      this.#wake()
    }
  }

  /** What is kept from there on, and what comes. Ends also when another attempt has begun. */
  async *#bytesFrom(offset: number, attempt: number): AsyncGenerator<Buffer> {
    for (let at = offset; attempt === this.#attempt;) {
      const bytes = this.#bytesAt(at)
      if (bytes) {
        at += bytes.length
        yield bytes
      } else if (this.#isEnded) return
      else await this.#change()
      if (this.#end - this.#keptFrom > ASK_BYTES) void this.#askOn()
    }
    throw new Error('the upload goes on elsewhere')
  }

  #bytesAt(position: number): Buffer | undefined {
    let at = this.#keptFrom
    for (const bytes of this.#kept) {
      if (position < at + bytes.length) return bytes.subarray(Math.max(0, position - at))
      at += bytes.length
    }
    return undefined
  }

  /** Lets go of what the server has. */
  #letGo(offset: number): void {
    for (let first = this.#kept[0]; first && this.#keptFrom + first.length <= offset; first = this.#kept[0]) {
      this.#keptFrom += first.length
      this.#kept.shift()
    }
  }

  /** Asks how far the server has come, and whether it still hears us. */
  async #askOn(isTimed = false): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    const attempt = this.#attempt
    // What fails has its reason told by the request itself, if that is over.
    const known = await this.ask().catch(() => undefined)
    this.#isAsking = false
    if (attempt !== this.#attempt) return
    if (known?.state === 'live') {
      this.#strikes = 0
      this.#letGo(known.offset)
    } else if (isTimed) this.#strikes++
    this.#wake()
    if (this.#strikes < STRIKES_MAX) return
    const { connection } = this.#options
    this.#abort?.abort(new ServerAway(connection.url, new Error('the server has lost the connection')))
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakers.push(resolve)
    })
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake()
  }
}

function isTemporary(error: unknown): error is ServerAway | ServerProblem {
  if (error instanceof ServerAway) return error.obstacle === undefined
  return error instanceof ServerProblem && (error.isTemporary || error.code === 'STREAM_TAKEN_OVER')
}

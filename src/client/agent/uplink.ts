/**
 * The way from an agent to its servers. `servers.ts` says which of them is delivered to, `course.ts` what becomes of a
 * delivery that fails, `verdict.ts` what a failure means.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { ROWS_TYPE } from '../../wire/rows/row-check.ts'
import { backoffMs, type Patience } from '../backoff.ts'
import type { Connection } from '../connection.ts'
import { ServerAway, ServerProblem } from '../failures.ts'
import { Course } from './course.ts'
import { halve, joined } from './row-parts.ts'
import { Servers } from './servers.ts'
import { judge } from './verdict.ts'

const compress = promisify(gzip)
/** More saves little and costs much. */
const GZIP_LEVEL = 1
/** Longest silence of a server that is asked for little. */
const ASK_MS_MAX = 15_000
/** Whether a preferred server is back is asked beside the work, but not for long. */
const PROBE_MS_MAX = 5000
/** Rows that are refused are looked for in parts of a delivery; after so many refusals what is left is refused together. */
const REFUSALS_MAX = 64
/** Pause before what is refused and can be kept nowhere is tried again. */
const REFUSED_MS = 15_000
/** Smaller deliveries are not aimed at, whatever a server says is too large. */
const DELIVERY_BYTES_MIN = 64 * 1024

export interface UplinkOptions {
  /** The servers, the one that is preferred first. */
  connections: readonly Connection[]
  agent: string
  /** This process, and no other one ever. */
  run: string
  /** Whether to compress what goes to this server. */
  compresses: (url: string) => boolean
  patience: Patience
  signal: AbortSignal
  /** After so long without success it is the next server's turn. */
  failoverMs: number
  /** Longest silence of a server while others wait to take its place. */
  silenceMs: number
  /** How long a delivery is offered to nobody but the server that may have it. */
  doubtMs: number
  /** How often the preferred server is tried again while another one has its place. */
  returnMs: number
  /** Milliseconds on a clock that does not go back. */
  now: () => number
  told: UplinkListener
}

/** Who is told how deliveries go. */
export interface UplinkListener {
  /** Nothing can be delivered to this server now; told for each attempt. */
  failing(url: string, error: ServerAway | ServerProblem): void
  /** It can again. */
  over(url: string): void
  /** From now on deliveries go to another server. */
  moved(from: string, to: string): void
  /**
   * The server will never take these rows, the last ones that are left when all others were delivered. Resolves with
   * whether they are kept elsewhere; if not, they are tried again.
   */
  refused(delivery: string, rows: Uint8Array, reason: ServerProblem): Promise<boolean>
  /** Another process delivers as this agent: nothing of this one is taken any more. */
  replaced(): void
}

/** Another process delivers as this agent. */
export class AgentReplaced extends Error {
  override readonly name = 'AgentReplaced'
}

export interface AgentFigures {
  host: string
  version: string
  files: number
  behindBytes: number
  behindSeconds: number
  problems: number
}

export interface ServerState {
  url: string
  /** It is the one that is delivered to. */
  isCurrent: boolean
  /** Why the last attempt failed; `undefined`: it did not. */
  trouble: unknown
}

interface PartsState {
  mayBeThere: boolean
  /** How often a part was refused. */
  refusals: number
}

interface Refusal {
  connection: Connection
  kind: 'too-large' | 'refused'
  problem: ServerProblem
}

interface Attempt {
  delivery: string
  attempt: number
  rows: readonly Uint8Array[]
  pack: () => Promise<Uint8Array>
  course: Course
  /** Told once something may have left. */
  progress: { isUnderWay: boolean }
}

/** Everything is tried until it succeeds, or the signal aborts. */
export class Uplink {
  readonly #options: UplinkOptions
  readonly #servers: Servers
  readonly #begun = new Set<Connection>()
  #isProbing = false
  /** What has failed and is tried again. */
  #retrying = 0
  /** So large a delivery was too large. */
  #tooLargeBytes = Infinity

  constructor(options: UplinkOptions) {
    this.#options = options
    this.#servers = new Servers(options)
  }

  get servers(): ServerState[] {
    const { all, current } = this.#servers
    return all.map((connection) => ({
      url: connection.url,
      isCurrent: connection === current,
      trouble: this.#servers.troubleOf(connection),
    }))
  }

  /** Larger deliveries are not to be made: a server, or what stands before it, has said so. */
  get deliveryBytesMax(): number {
    return Math.max(DELIVERY_BYTES_MIN, Math.floor(this.#tooLargeBytes / 2))
  }

  /**
   * Resolves when the rows are durable in a server, or told to be refused. `mayBeThere`: an earlier process may have
   * delivered them. What is too large for the server is delivered in parts; what it refuses is looked for in them.
   * Rejects with AgentReplaced, or the reason of the abort.
   */
  async deliver(delivery: string, rows: readonly Uint8Array[], mayBeThere = false): Promise<void> {
    await this.#deliverParts(delivery, rows, { mayBeThere, refusals: 0 })
  }

  /** Whether a delivery of an earlier process is in one of the servers; from then on that one cannot deliver any more. */
  async wasTaken(delivery: string): Promise<boolean> {
    const answers = this.#servers.all.map((connection) => this.#asked(connection, delivery))
    const first = answers.map(async (answer) => ((await answer) ? true : Promise.reject(new Error('not there'))))
    const isTaken = await Promise.any(first).catch(() => false)
    if (!isTaken) await Promise.all(answers)
    else for (const answer of answers) answer.catch(() => undefined)
    return isTaken
  }

  /** Tells the server about this agent, once, if that can be done. */
  async report(figures: AgentFigures): Promise<void> {
    void this.#probe()
    const { current } = this.#servers
    const trouble = this.#servers.troubleOf(current)
    // What it will not hear of now it is asked often enough.
    if (this.#retrying > 0 && !(trouble instanceof ServerProblem && trouble.isTemporary)) return
    const startedMs = this.#options.now()
    try {
      await this.#post(current, 'report', figures, ASK_MS_MAX)
      if (this.#retrying === 0) this.#fine(current, () => this.#servers.answered(current))
    } catch (error) {
      // The next report comes soon. While there is nothing to deliver, nothing else tells that nothing could be.
      if (this.#retrying === 0 && !this.#options.signal.aborted) this.#tell(current, error, startedMs)
    }
  }

  close(): void {
    for (const connection of this.#servers.all) connection.close()
  }

  async #deliverParts(delivery: string, rows: readonly Uint8Array[], state: PartsState): Promise<void> {
    const bytes = rows.reduce((sum, piece) => sum + piece.length, 0)
    const halves = bytes >= this.#tooLargeBytes ? halve(rows) : undefined
    if (halves) return await this.#deliverHalves(delivery, halves, state)
    for (;;) {
      const refusal = await this.#deliverWhole(delivery, rows, state.mayBeThere)
      if (!refusal) return
      if (refusal.kind === 'too-large') this.#tooLargeBytes = Math.min(this.#tooLargeBytes, bytes)
      else state.refusals++
      const parts = state.refusals > REFUSALS_MAX ? undefined : halve(rows)
      if (parts) return await this.#deliverHalves(delivery, parts, state)
      const { told } = this.#options
      if (await told.refused(delivery, joined(rows), refusal.problem)) return
      this.#servers.troubled(refusal.connection, refusal.problem)
      told.failing(refusal.connection.url, refusal.problem)
      await this.#options.patience.wait(REFUSED_MS, this.#options.signal)
    }
  }

  async #deliverHalves(delivery: string, halves: readonly Uint8Array[], state: PartsState): Promise<void> {
    const name = delivery.includes('.') ? delivery : `${delivery}.`
    for (const [part, half] of halves.entries()) await this.#deliverParts(`${name}${part}`, [half], state)
  }

  /** Resolves with what the server said when it does not take it as it is. */
  async #deliverWhole(
    delivery: string,
    rows: readonly Uint8Array[],
    mayBeThere: boolean,
  ): Promise<Refusal | undefined> {
    const { now, doubtMs, patience, signal } = this.#options
    const course = new Course({ servers: this.#servers, doubtMs, now, random: patience.random })
    const pack = packer(rows)
    let isRetried = false
    try {
      for (let attempt = mayBeThere ? 2 : 1; ; attempt++) {
        void this.#probe()
        const connection = course.next
        const startedMs = now()
        const progress = { isUnderWay: false }
        try {
          await this.#send(connection, { delivery, attempt, rows, pack, course, progress })
          this.#fine(connection, () => this.#servers.delivered(connection))
          return undefined
        } catch (error) {
          if (signal.aborted) throw signal.reason
          const { kind, isInDoubt } = judge(error)
          if (kind === 'replaced') throw this.#replaced(error)
          if (kind !== 'later') return { connection, kind, problem: error as ServerProblem }
          if (!isRetried) this.#retrying++
          isRetried = true
          course.failed(connection, progress.isUnderWay && isInDoubt, startedMs)
          this.#tell(connection, error, startedMs)
          await patience.wait(course.pauseMs(connection, retryAfterOf(error)), signal)
        }
      }
    } finally {
      if (isRetried) this.#retrying--
    }
  }

  async #send(connection: Connection, { delivery, attempt, rows, pack, course, progress }: Attempt): Promise<void> {
    const { run, compresses, signal, silenceMs } = this.#options
    if (!this.#begun.has(connection)) await this.#start(connection)
    const isCompressed = compresses(connection.url)
    const body = isCompressed ? [await pack()] : rows
    progress.isUnderWay = true
    const elsewhere = course.isDoubtedBeside(connection) ? 'true' : undefined
    const { accepted } = await connection.json<{ accepted?: unknown }>(this.#path('events'), {
      method: 'POST',
      parameters: { run, delivery, attempt, elsewhere },
      headers: { 'content-type': ROWS_TYPE, ...(isCompressed && { 'content-encoding': 'gzip' }) },
      body,
      signal,
      ...(this.#servers.all.length > 1 && { silenceMsMax: silenceMs }),
    })
    if (typeof accepted !== 'number') throw notOurs(connection)
  }

  /** As `wasTaken`, of one server. One of several that is away for long does not hold up the others. */
  async #asked(connection: Connection, delivery: string): Promise<boolean> {
    const { now, doubtMs, patience, signal } = this.#options
    const startedMs = now()
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#start(connection, delivery)
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (judge(error).kind === 'replaced') throw this.#replaced(error)
        this.#tell(connection, error, startedMs)
        if (this.#servers.all.length > 1 && now() - startedMs >= doubtMs) return false
        await patience.wait(Math.max(backoffMs(attempt, patience.random), retryAfterOf(error)), signal)
      }
    }
  }

  #path(what: string): string {
    return `/api/v1/agents/${this.#options.agent}/${what}`
  }

  #post<T>(connection: Connection, what: string, body: object, silenceMsMax: number): Promise<T> {
    return connection.json<T>(this.#path(what), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(body)),
      signal: this.#options.signal,
      silenceMsMax,
    })
  }

  async #start(connection: Connection, inDoubt?: string, wantedMsMax = ASK_MS_MAX): Promise<boolean> {
    const { run, silenceMs } = this.#options
    const silenceMsMax = this.#servers.all.length > 1 ? Math.min(wantedMsMax, silenceMs) : wantedMsMax
    const body = { run, ...(inDoubt === undefined ? {} : { inDoubt }) }
    const { taken } = await this.#post<{ taken?: unknown }>(connection, 'start', body, silenceMsMax)
    if (typeof taken !== 'boolean') throw notOurs(connection)
    this.#begun.add(connection)
    if (inDoubt !== undefined) this.#fine(connection, () => this.#servers.answered(connection))
    return taken
  }

  /** Goes back to a preferred server that answers again. */
  async #probe(): Promise<void> {
    if (this.#isProbing) return
    const candidates = this.#servers.toReturnTo()
    if (candidates.length === 0) return
    this.#isProbing = true
    const from = this.#servers.current
    let found: Connection | undefined
    for (const connection of candidates) {
      try {
        await this.#start(connection, undefined, PROBE_MS_MAX)
        found = connection
        break
      } catch {
        // It is tried again later; why it was left is known.
      }
    }
    this.#isProbing = false
    if (this.#servers.current === from) this.#servers.returnTo(found)
    if (this.#servers.current !== from) this.#options.told.moved(from.url, this.#servers.current.url)
  }

  #fine(connection: Connection, note: () => void): void {
    const wasFailing = this.#servers.troubleOf(connection) !== undefined
    note()
    if (wasFailing) this.#options.told.over(connection.url)
  }

  #tell(connection: Connection, error: unknown, sinceMs: number): void {
    if (!(error instanceof ServerProblem) && !(error instanceof ServerAway)) throw error
    const { told } = this.#options
    // While a server finds out what it has, nothing is wrong.
    if (!(error instanceof ServerProblem && error.code === 'AGENT_STARTING')) told.failing(connection.url, error)
    if (this.#servers.failed(connection, error, sinceMs)) told.moved(connection.url, this.#servers.current.url)
  }

  #replaced(cause: unknown): AgentReplaced {
    this.#options.told.replaced()
    return new AgentReplaced(`Another process delivers as agent ${this.#options.agent}`, { cause })
  }
}

/** Compresses once, however often it is asked. */
function packer(rows: readonly Uint8Array[]): () => Promise<Uint8Array> {
  let packed: Promise<Uint8Array> | undefined
  return () => (packed ??= compress(Buffer.concat(rows), { level: GZIP_LEVEL }))
}

/** Something that answers every request with some JSON is not believed to have stored anything. */
function notOurs({ url }: Connection): ServerProblem {
  const detail = `${url} answered with JSON that is not what a Tailrace server answers.`
  return new ServerProblem({ status: 200, detail, hint: 'Check the address: is something else listening there?' })
}

function retryAfterOf(error: unknown): number {
  return error instanceof ServerProblem ? (error.retryAfterMs ?? 0) : 0
}

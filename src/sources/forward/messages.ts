import type { EventBatch } from '../../core/batch.ts'
import type { Counter, Counters } from '../../core/counters.ts'
import { appendRowAttribute } from '../../core/row-attribute.ts'
import { SEVERITY_NUMBERS } from '../../core/severity.ts'
import type { Principal } from '../../core/principal.ts'
import { auditTypeOf, type AuditMessageType } from '../../wire/audit/words.ts'
import { ForwardMessage } from '../../wire/forward/message.ts'
import type { EntryFault, EntryOrigin, ForwardRows } from '../../wire/forward/rows.ts'
import { MsgpackCursor } from '../../wire/msgpack/cursor.ts'
import type { ValueScanner } from '../../wire/msgpack/scanner.ts'
import { readValue } from '../../wire/msgpack/value.ts'
import { eventDefaults } from '../../wire/transcode/row-writer.ts'
import type { AgentLink, AuditAgents } from './agents.ts'
import { canDecompress, type Decompressor } from './decompressor.ts'
import type { Intake, Lane } from './intake.ts'
import type { CloseReason, ForwardLimits } from './settings.ts'
import { CHUNK_ATTRIBUTE, type ChunkMemory, type Ticket } from './tickets.ts'

export interface MessagesContext {
  name: string
  hostname: string
  limits: ForwardLimits
  intake: Intake
  rows: ForwardRows
  chunks: ChunkMemory
  decompressor: Decompressor
  /** For entries that are packed into bytes. */
  packed: ValueScanner
  agents: AuditAgents
  counters: Counters
  received: Counter
  /** With an example of what it was. */
  reject: (reason: EntryFault | CloseReason, count: number, example?: string) => void
}

interface Origin extends EntryOrigin {
  auditType: AuditMessageType | undefined
}

/** The message under way: where its next entry is. */
interface Run {
  mode: ForwardMessage['mode']
  bytes: Buffer
  at: number
  /** Where they end. */
  to: number
  /** Of others: how many are left. */
  left: number
  /** Of packed entries: all before it are whole. Those that are acknowledged together are looked at before any is taken. */
  wholeTo: number
  origin: Origin
  ticket: Ticket | undefined
  lane: Lane
}

/** Of a message that is to be acknowledged: it is taken in one go, so that its events are stored together or not at all. */
const SMALL_BYTES_MAX = 128 * 1024

type Acknowledge = (chunk: string, ticket: Ticket) => void

/** The messages of one connection, one after the other: their entries become rows. */
export class Messages {
  /** The connection has to be closed. */
  fault: CloseReason | undefined
  readonly #context: MessagesContext
  readonly #principal: Principal
  readonly #host: string
  readonly #head = new ForwardMessage()
  readonly #origins = new Map<string, Origin>()
  #origin: Origin | undefined
  #run: Run | undefined
  #agent: AgentLink | undefined
  #onDecompressed: (() => void) | undefined
  #isDecompressing = false
  #isClosed = false

  constructor(context: MessagesContext, principal: Principal, host: string) {
    this.#context = context
    this.#principal = principal
    this.#host = host
  }

  /** A message is under way. */
  get isBusy(): boolean {
    return this.#run !== undefined
  }

  get isDecompressing(): boolean {
    return this.#isDecompressing
  }

  onDecompressed(listener: () => void): void {
    this.#onDecompressed = listener
  }

  /** Whether the message there is a chunk that may have been stored before, which is not known yet. */
  isInDoubt(bytes: Buffer, at: number): boolean {
    const { chunks } = this.#context
    return !chunks.isComplete && this.#head.read(bytes, at) && this.#head.chunk !== undefined
  }

  /** Begins with the message that a scanner has found there. The bytes have to stay as they are while it is under way. */
  begin(bytes: Buffer, at: number, end: number, acknowledge: Acknowledge): CloseReason | undefined {
    const { limits, chunks } = this.#context
    const head = this.#head
    if (!head.read(bytes, at)) return 'not_forward'
    if (head.tag.length > limits.tagBytesMax) return 'tag_too_long'
    const { chunk } = head
    if (chunk !== undefined && chunk.length > limits.chunkIdCharsMax) return 'chunk_too_long'
    let ticket: Ticket | undefined
    if (chunk !== undefined) {
      const { keyId, name } = this.#principal
      const found = chunks.of(keyId || name, chunk, bytes.subarray(at, end))
      ticket = found.ticket
      acknowledge(chunk, ticket)
      if (!found.isNew) {
        this.#context.counters.add('forward_chunks_repeated_total')
        return undefined
      }
    }
    const { mode, from } = head
    const to = mode === 'packed' ? head.to : end
    const left = mode === 'forward' ? head.entries : 1
    const lane = this.#context.intake.laneOf(this.#principal, ticket !== undefined)
    const origin = this.#originOf(head.tag)
    const run: Run = { mode, bytes, at: from, to, left, wholeTo: from, origin, ticket, lane }
    this.#run = run
    if (mode !== 'packed' || head.compressed === 'text') return undefined
    if (!canDecompress(head.compressed)) return 'compression'
    this.#decompress(run, head.compressed)
    return undefined
  }

  /**
   * Goes on with the message under way, for about so many bytes, and as long as there is room; without end where they are
   * Infinity. Returns how many it were.
   */
  advance(bytesMax: number): number {
    const run = this.#run
    if (!run || this.#isDecompressing) return 0
    const { intake, rows } = this.#context
    if (run.ticket && run.mode === 'packed' && run.wholeTo < run.to) return this.#look(run, bytesMax)
    const start = run.at
    const isSmall = run.ticket !== undefined && run.to - start <= SMALL_BYTES_MAX
    if (isSmall && !run.ticket?.hasBegun) intake.makeRoom(run.lane, run.to - start)
    while (this.#isLeft(run)) {
      if ((run.at - start >= bytesMax && !isSmall) || (intake.isFull && bytesMax !== Infinity)) return run.at - start
      const batch = intake.batchOf(run.lane, run.ticket)
      const fault = this.#entry(run, batch)
      run.at = rows.cursor.at
      run.left--
      if (fault === undefined) this.#written(run, batch)
      else if (this.#isFatal(run, fault)) return run.at - start
    }
    if (this.fault !== undefined) return run.at - start
    this.#run = undefined
    run.ticket?.end(true)
    return Math.max(1, run.at - start)
  }

  /** The last event says which chunk it was, where all the others are stored with it. */
  #written(run: Run, batch: EventBatch): void {
    const isLast = run.mode === 'packed' ? run.at >= run.to : run.left === 0
    if (isLast && run.ticket?.isInOne) appendRowAttribute(batch, CHUNK_ATTRIBUTE, run.ticket.mark)
    this.#context.intake.written(run.lane, batch)
  }

  /** What is under way is given up. */
  close(): void {
    this.#isClosed = true
    this.#run?.ticket?.end(false)
    this.#run = undefined
    this.#agent?.leave()
    this.#agent = undefined
  }

  #isLeft(run: Run): boolean {
    if (run.mode !== 'packed') return run.left > 0
    if (run.at >= run.to) return false
    return run.at < run.wholeTo || this.#findEnd(run)
  }

  /** Whether packed entries are whole, for about so many bytes. */
  #look(run: Run, bytesMax: number): number {
    const start = run.wholeTo
    while (run.wholeTo < run.to && run.wholeTo - start < bytesMax) if (!this.#findEnd(run)) break
    return run.wholeTo - start
  }

  /** Finds where the next packed entry ends. */
  #findEnd(run: Run): boolean {
    const { packed } = this.#context
    const end = packed.end(run.bytes, run.wholeTo, run.to)
    if (end >= 0) {
      run.wholeTo = end
      return true
    }
    packed.reset()
    this.fault = 'bad_packed'
    return false
  }

  #entry(run: Run, batch: EventBatch): EntryFault | undefined {
    const { rows } = this.#context
    const { origin } = run
    rows.cursor.move(run.bytes, run.at)
    const fault = run.mode === 'message' ? rows.pair(origin, batch) : rows.entry(origin, batch)
    if (fault === undefined && origin.auditType) this.#audited(run, origin.auditType)
    return fault
  }

  /** An extension that is no time says that the other side speaks something else; all else is one entry's fault. */
  #isFatal(run: Run, fault: EntryFault): boolean {
    if (fault === 'bad_extension') {
      this.fault = fault
      return true
    }
    this.#context.reject(fault, 1, `entry of ${run.origin.tag || 'an empty tag'} from ${this.#host}`)
    return false
  }

  #decompress(run: Run, name: string): void {
    this.#isDecompressing = true
    this.#context.decompressor.run(name, run.bytes.subarray(run.at, run.to), (plain) => {
      this.#isDecompressing = false
      if (!plain) this.fault = 'compression'
      else if (!this.#isClosed) this.#run = { ...run, bytes: plain, at: 0, to: plain.length, wholeTo: 0 }
      this.#onDecompressed?.()
    })
  }

  #originOf(tag: string): Origin {
    if (this.#origin?.tag === tag) return this.#origin
    let origin = this.#origins.get(tag)
    if (!origin) {
      const auditType = auditTypeOf(tag)
      const service = auditType ? `audit/${tag}` : tag || this.#context.name
      const severity = auditType ? SEVERITY_NUMBERS.info : SEVERITY_NUMBERS.unknown
      const defaults = eventDefaults({ service, host: this.#host, source: this.#context.name }, severity)
      const isAudit = auditType === 'DataPlane' || auditType === 'ControlPlane'
      origin = { tag, isAudit, auditType, defaults, message: MESSAGES[auditType ?? 'DataPlane'] }
      if (this.#origins.size >= this.#context.limits.tagsMax) this.#origins.clear()
      this.#origins.set(tag, origin)
    }
    this.#origin = origin
    return origin
  }

  /** An audit message was stored. */
  #audited(run: Run, type: AuditMessageType): void {
    const { agents, counters, rows } = this.#context
    this.#agent ??= agents.join(this.#host)
    if (type === 'Heartbeat') {
      if (rows.cursor.at - run.at <= HEARTBEAT_BYTES_MAX) this.#agent.heartbeat(heartbeatAt(run.bytes, run.at))
      counters.add('audit_heartbeats_total')
    } else if (type !== 'Diagnostic') {
      this.#agent.record(rows.auditReason === undefined)
      if (rows.auditReason !== undefined) counters.add('audit_invalid_total', { type: run.origin.tag })
    }
  }
}

function heartbeatAt(bytes: Buffer, at: number) {
  const cursor = new MsgpackCursor().move(bytes, at)
  cursor.array()
  cursor.skip()
  const members = readValue(cursor)
  const text = (name: string): string => {
    const value = members instanceof Map ? members.get(name) : undefined
    return typeof value === 'string' ? value.slice(0, HEARTBEAT_TEXT_CHARS_MAX) : ''
  }
  const serviceTreeId = text('AsmAuditServiceId')
  return {
    auditVersion: text('AuditVersion'),
    osVersion: text('OsVersion'),
    language: text('Language'),
    destination: text('Destination'),
    ...(serviceTreeId !== '' && { serviceTreeId }),
  }
}

/** Of messages without record. */
const MESSAGES: Readonly<Partial<Record<AuditMessageType, string>>> = {
  Heartbeat: 'audit heartbeat',
  Diagnostic: 'audit diagnostic',
}

/** A larger one is stored like others, but says nothing about its agent. */
const HEARTBEAT_BYTES_MAX = 16 * 1024
/** What is kept of each text that an agent says about itself. */
const HEARTBEAT_TEXT_CHARS_MAX = 200

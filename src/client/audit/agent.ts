/**
 * `tailrace/audit/testing`: an agent for tests of programs that send audit records. It keeps what it receives, decoded,
 * and can be as slow, as absent and as rude as real ones.
 */
import { rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { decodeEnvelope } from '../../wire/audit/decode.ts'
import type { AuditHeartbeat, AuditMessage, AuditRecord } from '../../wire/audit/record.ts'
import { encodeAck } from '../../wire/forward/handshake.ts'
import { FAULTY, UNFINISHED, ValueScanner } from '../../wire/msgpack/scanner.ts'

export interface TestAgentOptions {
  /** A socket in the file system; TCP on 127.0.0.1 unless given. */
  path?: string
  /** 0, any free one, unless given. */
  port?: number
  /** Reads nothing until `resume` is called. */
  isStalled?: boolean
  /** Whether chunks are acknowledged, and taken once; they are unless this is false. */
  acknowledge?: boolean
}

export interface TestAgent {
  /** For `unixConnection` or `tcpConnection`. */
  readonly path: string | undefined
  readonly port: number
  /** Everything received, in order. */
  readonly messages: readonly AuditMessage[]
  /** The records among them. */
  readonly records: readonly AuditRecord[]
  readonly heartbeats: readonly AuditHeartbeat[]
  /** How many connections there were, and are. */
  readonly connections: { total: number; open: number }
  /** What could not be decoded ends its connection. */
  readonly errors: readonly Error[]
  /** Chunks that came a second time. */
  readonly repeatedChunks: number
  /** Resolves when so many records have come. Rejects after `timeoutMs`, 30 s unless given. */
  waitForRecords(count: number, timeoutMs?: number): Promise<void>
  /** Stops reading: what is sent fills the buffers of the connection. */
  stall(): void
  resume(): void
  /** Cuts every connection off. What was not read is lost, as when an agent crashes. */
  reset(): void
  /** Ends every connection after what was sent, as when an agent is stopped in an orderly way. */
  end(): void
  /** Cuts everything off, and is not there any more. */
  close(): Promise<void>
}

const LIMITS = { depthMax: 128, bytesMax: 64 * 1024 * 1024 }
const WAIT_MS = 30_000

export async function startTestAgent(options: TestAgentOptions = {}): Promise<TestAgent> {
  const agent = new Agent(options)
  await agent.listen()
  return agent
}

class Agent implements TestAgent {
  readonly path: string | undefined
  readonly messages: AuditMessage[] = []
  readonly records: AuditRecord[] = []
  readonly heartbeats: AuditHeartbeat[] = []
  readonly connections = { total: 0, open: 0 }
  readonly errors: Error[] = []
  repeatedChunks = 0
  port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #chunks = new Set<string>()
  readonly #isAcknowledging: boolean
  readonly #waiting = new Set<{ count: number; resolve: () => void }>()
  #isStalled: boolean

  constructor({ path, port = 0, isStalled = false, acknowledge = true }: TestAgentOptions) {
    this.path = path
    this.port = port
    this.#isStalled = isStalled
    this.#isAcknowledging = acknowledge
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: isStalled }, (socket) => this.#welcome(socket))
  }

  async listen(): Promise<void> {
    const { path, port } = this
    // One that was left behind by an agent that was killed is in the way.
    if (path !== undefined) rmSync(path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path === undefined ? { port, host: '127.0.0.1' } : { path }, resolve)
    })
    if (path === undefined) this.port = (this.#server.address() as AddressInfo).port
  }

  async waitForRecords(count: number, timeoutMs = WAIT_MS): Promise<void> {
    if (this.records.length >= count) return
    await new Promise<void>((resolve, reject) => {
      const waiting = { count, resolve: () => settle() }
      const settle = (error?: Error): void => {
        clearTimeout(timer)
        this.#waiting.delete(waiting)
        if (error) reject(error)
        else resolve()
      }
      const timer = setTimeout(
        () => settle(new Error(`${this.records.length} of ${count} records have come in ${timeoutMs} ms`)),
        timeoutMs,
      )
      this.#waiting.add(waiting)
    })
  }

  stall(): void {
    this.#isStalled = true
    for (const socket of this.#sockets) socket.pause()
  }

  resume(): void {
    this.#isStalled = false
    for (const socket of this.#sockets) socket.resume()
  }

  reset(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  end(): void {
    for (const socket of this.#sockets) socket.end()
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    this.reset()
    await closed
  }

  #welcome(socket: Socket): void {
    this.connections.total++
    this.connections.open++
    this.#sockets.add(socket)
    if (this.#isStalled) socket.pause()
    const scanner = new ValueScanner(LIMITS)
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let from = 0
      for (;;) {
        const end = scanner.end(rest, from, rest.length)
        if (end === UNFINISHED) break
        if (end === FAULTY) return this.#fail(socket, new Error(`no MessagePack: ${scanner.fault}`))
        try {
          this.#take(socket, rest, from)
        } catch (error) {
          return this.#fail(socket, error as Error)
        }
        from = end
      }
      rest = rest.subarray(from)
      for (const { count, resolve } of this.#waiting) if (this.records.length >= count) resolve()
    })
    socket.on('end', () => socket.end())
    // A connection that is cut off is what the agent is for.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.connections.open--
      this.#sockets.delete(socket)
    })
  }

  #take(socket: Socket, bytes: Buffer, at: number): void {
    const { messages, chunk } = decodeEnvelope(bytes, at)
    const isKnown = chunk !== undefined && this.#isAcknowledging && this.#chunks.has(chunk)
    if (isKnown) this.repeatedChunks++
    else for (const message of messages) this.#keep(message)
    if (chunk === undefined || !this.#isAcknowledging) return
    this.#chunks.add(chunk)
    if (socket.writable) socket.write(encodeAck(chunk))
  }

  #keep(message: AuditMessage): void {
    this.messages.push(message)
    if ('record' in message) this.records.push(message.record)
    else if ('heartbeat' in message) this.heartbeats.push(message.heartbeat)
  }

  #fail(socket: Socket, error: Error): void {
    this.errors.push(error)
    socket.destroy()
  }
}

import { statSync } from 'node:fs'
import { connect as connectSocket, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { FingerprintMismatch, parseFingerprint, secureContextOf, type ClientTls } from '../tls.ts'
import type { AuditConnection, ConnectionEvents } from './connection.ts'
import { Handshake, type ForwardCredentials } from './handshake.ts'

/** A connection has to be there within this time. */
const CONNECT_MS_MAX = 10_000
/** What was written last may take this long to leave when a connection is closed. */
const CLOSE_MS_MAX = 2000
/** Where agents listen; the first that is there. */
const DEFAULT_PATHS = ['/var/run/mdsd/asa/default_fluent.socket', '/var/run/mdsd/default_fluent.socket'] as const

/** A socket in the file system: that of the agent on this machine unless given. */
export function unixConnection(path?: string): AuditConnection {
  return new SocketConnection('UnixDomainSocket', () => {
    const place = path ?? DEFAULT_PATHS.find(isThere) ?? DEFAULT_PATHS[1]
    return { socket: connectSocket({ path: place, allowHalfOpen: true }), event: 'connect', place }
  })
}

export interface TcpOptions extends ForwardCredentials {
  /** 127.0.0.1 unless given. */
  host?: string
  port: number
}

export function tcpConnection(options: TcpOptions): AuditConnection {
  const { host = '127.0.0.1', port } = options
  return new SocketConnection(
    'TCP',
    () => ({
      socket: connectSocket({ host, port, allowHalfOpen: true, noDelay: true }),
      event: 'connect',
      place: `${host}:${port}`,
    }),
    options,
  )
}

export interface TlsOptions extends TcpOptions {
  /** How the server is known, and what it is shown. */
  tls?: ClientTls
}

/** Throws TlsTextError when what is given for TLS cannot be used. */
export function tlsConnection(options: TlsOptions): AuditConnection {
  const { host = '127.0.0.1', port, tls = {} } = options
  const { fingerprint } = tls
  const secureContext = secureContextOf(tls)
  return new SocketConnection(
    'TCP',
    () => ({
      // The fingerprint alone decides where there is one.
      socket: connectTls({ host, port, secureContext, rejectUnauthorized: fingerprint === undefined }),
      event: 'secureConnect',
      place: `${host}:${port}`,
    }),
    options,
    fingerprint,
  )
}

/** Takes everything and sends nothing. */
export function noConnection(): AuditConnection {
  return {
    kind: 'NoOP',
    connect: () => Promise.resolve(),
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

interface Opened {
  socket: Socket
  /** When it is ready. */
  event: string
  place: string
}

class SocketConnection implements AuditConnection {
  readonly kind: string
  readonly #open: () => Opened
  readonly #credentials: ForwardCredentials
  readonly #fingerprint: string | undefined
  #socket: Socket | undefined
  /** On its way to be connected. */
  #opening: Socket | undefined

  constructor(kind: string, open: () => Opened, credentials: ForwardCredentials = {}, fingerprint?: string) {
    this.kind = kind
    this.#open = open
    this.#credentials = credentials
    this.#fingerprint = fingerprint
  }

  async connect(events: ConnectionEvents): Promise<void> {
    const { socket, event, place } = this.#open()
    this.#opening = socket
    try {
      await ready(socket, event)
      this.#checkFingerprint(socket)
      await new Handshake(this.#credentials).run(socket)
    } catch (cause) {
      socket.destroy()
      throw new Error(`failed to connect to audit server(${place}): ${(cause as Error).message}`, { cause })
    }
    this.#opening = undefined
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => events.onData(bytes))
    socket.on('error', (error) => events.onLost(error))
    socket.on('close', () => events.onLost(new Error('the connection was closed')))
    // What is on its way still goes; nothing more.
    socket.on('end', () => {
      if (socket.writable) socket.end()
    })
  }

  write(bytes: Uint8Array): Promise<void> {
    const socket = this.#socket
    if (!socket?.writable) return Promise.reject(new Error('the connection is closed'))
    return new Promise((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(error) : resolve()))
    })
  }

  async close(): Promise<void> {
    this.#opening?.destroy()
    const socket = this.#socket
    this.#socket = undefined
    if (!socket || socket.destroyed) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS_MAX)
      socket.once('close', () => resolve())
      socket.end(() => socket.destroy())
    })
    clearTimeout(timer)
    socket.destroy()
  }

  #checkFingerprint(socket: Socket): void {
    if (this.#fingerprint === undefined || !('getPeerX509Certificate' in socket)) return
    const seen = (
      socket as Socket & { getPeerX509Certificate(): { fingerprint256: string } | undefined }
    ).getPeerX509Certificate()?.fingerprint256
    const isExpected = seen !== undefined && parseFingerprint(seen) === parseFingerprint(this.#fingerprint)
    if (!isExpected) throw new FingerprintMismatch(this.#fingerprint, seen)
  }
}

function ready(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(new Error('it took too long')), CONNECT_MS_MAX)
    const settle = (error?: Error): void => {
      clearTimeout(timer)
      socket.off('error', settle)
      socket.off('close', closed)
      if (error) reject(error)
      else resolve()
    }
    const closed = (): void => settle(new Error('the connection was closed'))
    socket.once('error', settle)
    socket.once('close', closed)
    socket.once(event, () => settle())
  })
}

function isThere(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch {
    // Whatever is wrong with it, it is none that could be used.
    return false
  }
}

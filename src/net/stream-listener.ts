import { lstatSync, unlinkSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls'
import { AppError } from '../core/errors.ts'
import { formatHostPort, type ListenAddress } from './listen-address.ts'
import { listenFailure } from './listen-failure.ts'
import { contextOptions, type TlsListener, type TlsMaterial } from './tls.ts'

export type StreamAddress = Exclude<ListenAddress, { protocol: 'udp' | 'tcp' | 'tls' }> | TcpAddress

interface TcpAddress {
  protocol: 'tcp' | 'tls'
  host: string
  port: number
}

export interface StreamOptions {
  address: StreamAddress
  /** What is shown on a `tls` address. */
  tls?: TlsMaterial | undefined
  /** Open connections; further ones are closed at once, and `onRefused` is told. */
  connectionsMax: number
  onRefused: () => void
  /** Longest time for a handshake of TLS. */
  handshakeMs: number
  /** A handshake of TLS has failed. */
  onHandshakeFailed: () => void
  /** Permissions of a socket in the file system. */
  unixMode: number
  /** A connection, after its handshake. Its errors are the receiver's to listen to. */
  onConnection: (socket: Socket) => void
}

export interface StreamListener extends TlsListener {
  /** `127.0.0.1:24224` or `unix:///run/x.sock`. */
  address: string
  /** Absent for a socket in the file system. */
  port: number | undefined
  /** Lets nobody in any more. Resolves when all connections are over, which are the caller's to end. */
  close(): Promise<void>
  /** Cuts off what is left of them, such as handshakes that are under way. */
  cut(): void
}

/** Listens on TCP, TLS or a socket in the file system. Rejects with LISTEN_FAILED. */
export async function openStream(options: StreamOptions): Promise<StreamListener> {
  const { address, connectionsMax } = options
  const server = createServer(options)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.maxConnections = connectionsMax
  server.on('drop', () => options.onRefused())
  if (address.protocol === 'unix') await freePath(address.path)
  await listen(server, address)
  // What goes wrong with accepting concerns the one who wanted to come in.
  server.on('error', () => options.onRefused())
  if (address.protocol === 'unix') await chmod(address.path, options.unixMode)
  const bound = server.address() as AddressInfo | string
  return {
    address: typeof bound === 'string' ? `unix://${bound}` : formatHostPort(bound.address, bound.port),
    port: typeof bound === 'string' ? undefined : bound.port,
    renewTls: (material) => {
      if (server instanceof TlsServer) server.setSecureContext(contextOptions(material))
    },
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}

function createServer(options: StreamOptions): Server {
  const { address, tls, onConnection } = options
  const common = { keepAlive: true, noDelay: true, allowHalfOpen: true }
  if (address.protocol !== 'tls') return createTcpServer(common, onConnection)
  if (!tls)
    throw new AppError('CONFIG_INVALID', { detail: `tls://${formatHostPort(address.host, address.port)}: tls is off` })
  const server = createTlsServer({
    ...common,
    ...contextOptions(tls),
    handshakeTimeout: options.handshakeMs,
    requestCert: tls.clientCa !== undefined,
    rejectUnauthorized: tls.clientCa !== undefined,
  })
  server.on('secureConnection', onConnection)
  server.on('tlsClientError', (_error, socket) => {
    options.onHandshakeFailed()
    socket.destroy()
  })
  return server
}

function listen(server: Server, address: StreamAddress): Promise<void> {
  const place = address.protocol === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(listenFailure(nameOf(address), cause)))
    server.listen(place, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

function nameOf(address: StreamAddress): string {
  const place = address.protocol === 'unix' ? address.path : formatHostPort(address.host, address.port)
  return `${address.protocol}://${place}`
}

/** Takes a socket away that was left by a process that is gone; one that somebody listens on stays. */
async function freePath(path: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket()) return
  } catch {
    // Nothing is there.
    return
  }
  if (await isListenedOn(path)) return
  unlinkSync(path)
}

function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    const answer = (isAlive: boolean): void => {
      socket.destroy()
      resolve(isAlive)
    }
    socket.once('connect', () => answer(true))
    // Only a refusal says that nobody is there.
    socket.once('error', (error: NodeJS.ErrnoException) => answer(error.code !== 'ECONNREFUSED'))
  })
}

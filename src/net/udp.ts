import { createSocket, type Socket } from 'node:dgram'
import { lookup as resolveName } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { AddressInfo } from 'node:net'
import { AppError } from '../core/errors.ts'
import { formatHostPort } from './listen-address.ts'
import { listenFailure } from './listen-failure.ts'
import { UdpReader, type BulkTurns } from './udp-reader.ts'

export interface UdpOptions {
  host: string
  /** 0: any free one. */
  port: number
  /**
   * What the kernel is asked to keep while we do something else; it gives at most `net.core.rmem_max`, unless this process
   * may have more.
   */
  receiveBufferBytes: number
  /** Bytes handed to the kernel that it has not taken yet; further datagrams are not sent. */
  sendQueueBytesMax: number
  /** One datagram. The bytes are there during the call only. Must not throw. */
  onPacket: (bytes: Buffer, address: string, port: number) => void
  /** Told of turns in which many datagrams are read at once. */
  bulk?: BulkTurns
}

export interface UdpListener {
  host: string
  port: number
  /** What the kernel has given for receiving. */
  readonly receiveBufferBytes: number
  /** False when too much waits to be sent already. Whether it arrives nobody knows. */
  send(bytes: Uint8Array, address: string, port: number): boolean
  /** Datagrams that the kernel would not send. */
  readonly sendErrors: number
  /** Datagrams that the kernel dropped because its buffer was full; 0 where it does not tell (it does on Linux). */
  kernelDrops(): Promise<number>
  /** Resolves when nothing will be received any more. */
  close(): Promise<void>
}

/** Listens on a UDP address. Rejects with LISTEN_FAILED. */
export async function openUdp(options: UdpOptions): Promise<UdpListener> {
  const address = await resolveHost(options.host)
  const socket = createSocket({
    type: isIP(address) === 6 ? 'udp6' : 'udp4',
    // Every address here is numeric already: the usual look-up costs more than sending does.
    lookup: (name, _options, done) => done(null, name, isIP(name)),
  })
  await bind(socket, address, options)
  const reader = new UdpReader(socket, options)
  const { port } = socket.address()
  let sendErrors = 0
  let isClosed = false
  // Errors of sending go to the callback; others say that nothing can be done, and what is lost is lost.
  socket.on('error', () => void sendErrors++)
  const sent = (error: Error | null): void => {
    if (error) sendErrors++
  }
  const receiveBufferBytes = setReceiveBuffer(socket, reader, options.receiveBufferBytes)
  return {
    host: address,
    port,
    receiveBufferBytes,
    send(bytes, to, toPort) {
      if (isClosed || socket.getSendQueueSize() + bytes.length > options.sendQueueBytesMax) return false
      // Whoever makes datagrams by hand may say that they come from port 0: none can be sent there, and Node throws.
      if (toPort === 0) sendErrors++
      else socket.send(bytes, toPort, to, sent)
      return true
    },
    get sendErrors() {
      return sendErrors
    },
    kernelDrops: () => readKernelDrops(socket.address()),
    close: () => {
      isClosed = true
      reader.close()
      return new Promise((resolve) => void socket.close(resolve))
    },
  }
}

async function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return host
  try {
    return (await resolveName(host)).address
  } catch (cause) {
    throw new AppError('LISTEN_FAILED', { cause, detail: `${host}: ${(cause as Error).message}` })
  }
}

function bind(socket: Socket, address: string, { port, host }: UdpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      reject(listenFailure(`udp ${formatHostPort(host, port)}`, cause))
    }
    socket.once('error', fail)
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', fail)
      resolve()
    })
  })
}

/** The largest that the kernel gives; more than it has to give is an error on some systems. */
function setReceiveBuffer(socket: Socket, reader: UdpReader, bytes: number): number {
  for (let size = bytes; size >= 64 * 1024; size = size >> 1) {
    try {
      socket.setRecvBufferSize(size)
      break
    } catch {
      // Too much for this system: half of it may do.
    }
  }
  // The kernel gives twice of what it is asked for, for what it adds to each datagram.
  if (socket.getRecvBufferSize() < bytes * 2) reader.forceReceiveBuffer(bytes)
  return socket.getRecvBufferSize()
}

const PROC_FILES = { IPv4: '/proc/net/udp', IPv6: '/proc/net/udp6' } as const

/** Column `drops` of the socket's line: 0 when there is no such file or line. */
async function readKernelDrops({ address, family, port }: AddressInfo): Promise<number> {
  const wanted = `${procAddress(address, family)}:${port.toString(16).toUpperCase().padStart(4, '0')}`
  try {
    const text = await readFile(PROC_FILES[family === 'IPv6' ? 'IPv6' : 'IPv4'], 'latin1')
    for (const line of text.split('\n')) {
      const columns = line.trim().split(/\s+/)
      if (columns[1] === wanted) return Number(columns.at(-1)) || 0
    }
  } catch {
    // A system without /proc does not tell.
  }
  return 0
}

/** An address as /proc/net/udp writes it: words of four bytes in the machine's order. */
function procAddress(address: string, family: string): string {
  const bytes = family === 'IPv6' ? ipv6Bytes(address) : Buffer.from(address.split('.').map(Number))
  return Buffer.from(bytes).swap32().toString('hex').toUpperCase()
}

function ipv6Bytes(address: string): Buffer {
  const [left = '', right = ''] = address.split('::')
  const head = ipv6Words(left)
  const tail = ipv6Words(right)
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]))
}

function ipv6Words(text: string): number[] {
  return text === '' ? [] : text.split(':').map((word) => parseInt(word, 16))
}

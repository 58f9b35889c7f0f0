import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

export interface RemoteOptions {
  /** An IP address: see `resolveHost`. */
  address: string
  port: number
  /** Datagrams of that address and port; the kernel drops those of others. */
  onDatagram?: (bytes: Buffer) => void
  /** Such as ECONNREFUSED, when the other machine says that nothing listens there: an earlier datagram was in vain. */
  onError: (error: NodeJS.ErrnoException) => void
  /** Asked of the kernel, which may give less. */
  receiveBytes?: number
  /** Whether the socket keeps the process alive. */
  isKeeping: boolean
}

export interface Remote {
  readonly address: string
  /** Tries at once, within the call. `onSent` is called later; an error may be one of an earlier datagram. */
  send(bytes: Uint8Array, onSent: (error: Error | null) => void): void
  close(): void
}

/** An IP address of the host; rejects with Node's error when there is none. */
export async function resolveHost(host: string): Promise<string> {
  return isIP(host) === 0 ? (await lookup(host)).address : host
}

/** A UDP socket that knows one partner only. Ready when this returns: a datagram sent right away leaves right away. */
export function connectRemote(options: RemoteOptions): Remote {
  const { address, port, onDatagram, onError, receiveBytes, isKeeping } = options
  const socket = createSocket({
    type: isIP(address) === 6 ? 'udp6' : 'udp4',
    // Only addresses come here, so there is nothing to look up. Node's own would put off binding to the next tick,
    // which a program that logs and ends does not live to see.
    lookup: (name, _options, found) => found(null, name, isIP(name)),
  })
  socket.on('error', onError)
  if (onDatagram) socket.on('message', onDatagram)
  if (!isKeeping) socket.unref()
  socket.connect(port, address)
  if (receiveBytes !== undefined) enlarge(socket, receiveBytes)
  return {
    address,
    send(bytes, onSent) {
      try {
        socket.send(bytes, onSent)
      } catch (error) {
        // Not connected or closed: as good as any other failure of the network.
        queueMicrotask(() => onSent(error as Error))
      }
    },
    close() {
      socket.removeAllListeners()
      socket.on('error', () => {
        // What earlier datagrams met with is of no interest any more.
      })
      socket.close()
    },
  }
}

function enlarge(socket: Socket, bytes: number): void {
  try {
    socket.setRecvBufferSize(bytes)
  } catch {
    // The socket is not bound after a failed connect, which is told as an error of its own.
  }
}

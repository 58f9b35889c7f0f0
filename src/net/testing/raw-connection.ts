import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** For tests: a connection over which bytes go as they are, and what came back. */
export interface RawConnection {
  socket: Socket
  /** All that came so far, one character a byte. */
  readonly text: string
  readonly isClosed: boolean
  write(text: string | Buffer): void
  /** Resolves once something that matches has come; rejects when the server closes before. */
  until(pattern: RegExp): Promise<string>
  /** Resolves with all that came once the server has closed. */
  closed(): Promise<string>
}

export function rawConnection(port: number, first: string | Buffer = '', isTls = false): RawConnection {
  const place = { port, host: '127.0.0.1' }
  const socket = isTls ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place)
  let text = ''
  let isClosed = false
  const changed = new Set<() => void>()
  const change = (): void => {
    for (const tell of changed) tell()
  }
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    change()
  })
  // What the server does to the connection is read off `text` and `isClosed`.
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isClosed = true
    change()
  })
  if (first.length > 0) socket.write(first)
  return {
    socket,
    get text() {
      return text
    },
    get isClosed() {
      return isClosed
    },
    write: (more) => void socket.write(more),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(text) && !isClosed) return
          changed.delete(look)
          if (pattern.test(text)) resolve(text)
          else reject(new Error(`closed before ${String(pattern)} came; there was ${JSON.stringify(text)}`))
        }
        changed.add(look)
        look()
      }),
    closed: () =>
      new Promise((resolve) => {
        const look = (): void => {
          if (isClosed) resolve(text)
        }
        changed.add(look)
        look()
      }),
  }
}

/** The status of every answer in a text. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

/** A process of its own: many readers of one stream over raw connections. Says what it saw as one line when told to. */
import { connect, type Socket } from 'node:net'

export interface ReadersOptions {
  port: number
  path: string
  readers: number
}

export interface ReadersReport {
  bytes: number
  /** Milliseconds between the time in a line and its arrival: p50, p99, largest. */
  delayMs: [p50: number, p99: number, max: number]
  delays: number
}

const options = JSON.parse(process.argv[2] ?? '{}') as ReadersOptions
const delays: number[] = []
let bytes = 0
let open = 0

/** Lines of the writer begin with `@<milliseconds since 1970> `. The last one of each piece is looked at. */
function look(piece: Buffer): void {
  bytes += piece.length
  const at = piece.lastIndexOf('@')
  if (at < 0 || at + 14 > piece.length) return
  const sentMs = Number(piece.toString('latin1', at + 1, at + 14))
  if (sentMs > 1e12) delays.push(Date.now() - sentMs)
}

function start(): Socket {
  const socket = connect(options.port, '127.0.0.1')
  socket.write(`GET ${options.path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  let isOpen = false
  socket.on('data', (piece: Buffer) => {
    if (!isOpen && ++open === options.readers) process.stdout.write('{"ready":true}\n')
    isOpen = true
    look(piece)
  })
  return socket
}

const sockets: Socket[] = []
for (let n = 0; n < options.readers; n++) {
  sockets.push(start())
  if (n % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 20))
}

process.stdin.on('data', (text: Buffer) => {
  if (text.toString().includes('reset')) {
    delays.length = 0
    bytes = 0
    process.stdout.write('{"reset":true}\n')
    return
  }
  delays.sort((a, b) => a - b)
  const at = (part: number): number => delays[Math.min(delays.length - 1, Math.floor(delays.length * part))] ?? 0
  const report: ReadersReport = { bytes, delayMs: [at(0.5), at(0.99), at(1)], delays: delays.length }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  for (const socket of sockets) socket.destroy()
})

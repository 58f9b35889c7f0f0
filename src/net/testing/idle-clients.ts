/**
 * For tests, as a process of its own, so that the connections of the server and of its clients do not share one limit of
 * open files: opens connections that ask once and then stay. Told `{ port, count }` or `'ask'` by its parent, to which
 * it sends how many were answered and how many refused.
 */
import { connect, type Socket } from 'node:net'

export interface IdleClientsOrder {
  port: number
  /** Connections to open. */
  count: number
}

export interface IdleClientsReport {
  answered: number
  refused: number
}

/** Connections that are being opened at the same time. */
const AT_ONCE = 100
const REQUEST = 'GET /public HTTP/1.1\r\nhost: localhost\r\n\r\n'
const open: Socket[] = []

async function openOne(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  // Refused ones end by an error.
  socket.on('error', () => undefined)
  const isAnswered = await ask(socket)
  if (isAnswered) open.push(socket)
  return isAnswered
}

function ask(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('data', () => resolve(true))
    socket.once('close', () => resolve(false))
    socket.write(REQUEST)
  })
}

async function run(order: IdleClientsOrder | 'ask'): Promise<IdleClientsReport> {
  const report = { answered: 0, refused: 0 }
  const count = (isAnswered: boolean): void => void report[isAnswered ? 'answered' : 'refused']++
  if (order === 'ask') {
    for (const socket of [...open.slice(0, 5), ...open.slice(-5)]) count(await ask(socket))
    return report
  }
  let left = order.count
  const openSome = async (): Promise<void> => {
    while (left-- > 0) count(await openOne(order.port))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, openSome))
  return report
}

process.on('message', (order: IdleClientsOrder | 'ask') => void run(order).then((report) => process.send?.(report)))

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { CONTROL_KEY, CONTROL_TEXT } from '../../../wire/logd/fields.ts'
import { encodeMessage, type LogdCommand, type LogdMessage } from '../../../wire/logd/message.ts'
import { open, type LogdCredentials } from '../credentials.ts'

export const SECRET = 'testsecret'

export interface Received {
  command: LogdCommand
  timeNs: bigint
  bytes: Buffer
  from: RemoteInfo
}

/** A UDP socket that opens what it gets with SECRET, remembers it, and answers as a test tells it to. */
export interface TinyLogd {
  readonly port: number
  readonly received: Received[]
  /** Datagrams that were not signed with SECRET. */
  readonly refused: Buffer[]
  answer: (received: Received) => void
  say(message: Partial<LogdMessage> | Buffer, to: RemoteInfo): void
  tailing(to: RemoteInfo): void
  kick(to: RemoteInfo): void
  end(to: RemoteInfo): void
  /** Resolves with what arrived when there are that many that pass. */
  wait(count: number, passes?: (received: Received) => boolean): Promise<Received[]>
  close(): Promise<void>
}

export async function startTinyLogd(port = 0, credentials: LogdCredentials = { secret: SECRET }): Promise<TinyLogd> {
  const socket = createSocket('udp4')
  const received: Received[] = []
  const refused: Buffer[] = []
  const waiting = new Set<() => void>()
  socket.bind(port, '127.0.0.1')
  await once(socket, 'listening')
  const tiny: TinyLogd = {
    port: socket.address().port,
    received,
    refused,
    answer: () => {},
    say: (message, to) => {
      const bytes = Buffer.isBuffer(message)
        ? message
        : encodeMessage({ level: 'info', text: '', key: '/test/app', ...message })
      socket.send(bytes, to.port, to.address)
    },
    tailing: (to) => control(CONTROL_TEXT.tailing, to),
    kick: (to) => control(CONTROL_TEXT.kick, to),
    end: (to) => control(CONTROL_TEXT.end, to),
    async wait(count, passes = () => true) {
      for (;;) {
        const found = received.filter(passes)
        if (found.length >= count) return found
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    },
    close: () => closeSocket(socket),
  }
  const control = (text: string, to: RemoteInfo) => tiny.say({ key: CONTROL_KEY, level: 'unknown', text }, to)
  socket.on('message', (bytes, from) => {
    const opened = open(bytes, credentials)
    if (opened) {
      const item = { command: opened.command, timeNs: opened.timeNs, bytes, from }
      received.push(item)
      tiny.answer(item)
    } else refused.push(bytes)
    for (const wake of waiting) wake()
    waiting.clear()
  })
  return tiny
}

async function closeSocket(socket: Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.close()
  await closed
}

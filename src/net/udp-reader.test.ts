import { createSocket, type Socket } from 'node:dgram'
import { afterEach, describe, expect, test } from 'vitest'
import { ArrivalClock } from './arrival-clock.ts'
import { UdpReader } from './udp-reader.ts'
import { openUdp, type UdpListener } from './udp.ts'

/** Where the C library that Node's own binaries are made for is sure to be there. */
const isBulkSystem = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Received {
  text: string
  port: number
}

async function open(onPacket?: (udp: UdpListener) => void) {
  const received: Received[] = []
  const turns = { begun: 0, ended: 0, empty: 0 }
  const udp: UdpListener = await openUdp({
    host: '127.0.0.1',
    port: 0,
    receiveBufferBytes: 4 * 1024 * 1024,
    sendQueueBytesMax: 1024 * 1024,
    onPacket(bytes, address, port) {
      expect(address).toBe('127.0.0.1')
      received.push({ text: bytes.toString('latin1'), port })
      onPacket?.(udp)
    },
    bulk: {
      begin: () => void turns.begun++,
      end(isEmpty) {
        turns.ended++
        if (isEmpty) turns.empty++
      },
    },
  })
  closers.push(() => udp.close())
  return { udp, received, turns }
}

async function sender(): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => void socket.close(resolve)))
  return socket
}

async function until(condition: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 20_000; !condition();) {
    if (performance.now() > endMs) throw new Error('it never happened')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** No more at once than the smallest buffer holds, so that none is lost. */
const WINDOW = 100

/** Each with its number and of another length. */
const textOf = (number: number): string => `${number} ${'x'.repeat((number * 37) % 1200)}`

describe.skipIf(!isBulkSystem)('many datagrams', () => {
  test('come whole, in order and with their senders, however they are read', async () => {
    const { udp, received, turns } = await open()
    const senders = [await sender(), await sender()]
    const ports = senders.map((socket) => socket.address().port)
    let sent = 0
    while (sent < 3000 || turns.begun < 20) {
      for (let n = 0; n < WINDOW; n++, sent++) senders[sent % 2]?.send(textOf(sent), udp.port, '127.0.0.1')
      // What is written to the same memory again must not show in what was read before.
      await until(() => received.length === sent)
    }
    for (const [index, port] of ports.entries()) {
      const texts = received.filter((packet) => packet.port === port).map(({ text }) => text)
      expect(texts).toEqual(Array.from({ length: sent / 2 }, (_, n) => textOf(n * 2 + index)))
    }
    expect(turns.ended).toBe(turns.begun)
    expect(turns.empty).toBeGreaterThan(0)
  })

  test('and none is left when few come again', async () => {
    const { udp, received, turns } = await open()
    const socket = await sender()
    let sent = 0
    for (let round = 0; round < 2; round++) {
      const before = turns.begun
      while (turns.begun < before + 5) {
        for (let n = 0; n < WINDOW; n++, sent++) socket.send(textOf(sent), udp.port, '127.0.0.1')
        await until(() => received.length === sent)
      }
      // One at a time until it is read without a turn of many.
      for (let quiet = 0; quiet < 3;) {
        const seen = turns.begun
        await new Promise((resolve) => setTimeout(resolve, 15))
        socket.send(textOf(sent++), udp.port, '127.0.0.1')
        await until(() => received.length === sent)
        quiet = turns.begun === seen ? quiet + 1 : 0
      }
    }
    expect(received.map(({ text }) => text)).toEqual(Array.from({ length: sent }, (_, n) => textOf(n)))
  })

  test('and they are read all the same while Node cannot read them again', async () => {
    const listener = await sender()
    const symbol = Object.getOwnPropertySymbols(listener).find(({ description }) => description === 'state symbol')
    const { handle } =
      (listener as unknown as Record<symbol, { handle: { recvStart: () => number } }>)[symbol ?? Symbol()] ?? {}
    if (!handle) throw new Error('Node keeps the handle of a socket elsewhere')
    const start = handle.recvStart.bind(handle)
    const asked: number[] = []
    handle.recvStart = () => {
      asked.push(asked.length < 3 ? -1 : start())
      return asked.at(-1) ?? -1
    }
    let received = 0
    const turns = { begun: 0 }
    const bulk = { begin: () => void turns.begun++, end: () => undefined }
    const reader = new UdpReader(listener, { onPacket: () => void received++, bulk })
    closers.push(async () => reader.close())
    const socket = await sender()
    let sent = 0
    const send = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++, sent++) socket.send('x', listener.address().port, '127.0.0.1')
      await until(() => received === sent)
    }
    while (turns.begun === 0) await send(WINDOW)
    for (let failures = 1; failures <= 3; failures++) {
      await until(() => asked.length >= failures)
      await send(1)
    }
    await until(() => asked.includes(0))
    await send(1)
    expect(asked.slice(0, 4)).toEqual([-1, -1, -1, 0])
  })

  test('are read no more once it is closed, also from within', async () => {
    const closing: Promise<void>[] = []
    const { udp, turns } = await open((listener) => {
      if (turns.begun >= 3 && closing.length === 0) closing.push(listener.close())
    })
    const socket = await sender()
    while (closing.length === 0) {
      for (let n = 0; n < WINDOW; n++) socket.send('x', udp.port, '127.0.0.1')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    closers.shift()
    await Promise.all(closing)
    const { begun } = turns
    for (let n = 0; n < WINDOW; n++) socket.send('x', udp.port, '127.0.0.1')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(turns).toMatchObject({ begun, ended: begun })
  })
})

test('since when what is read at once may have been waiting: since all was read before', () => {
  let nowMs = 1000
  const clock = new ArrivalClock(() => nowMs, 400)
  const turn = (atMs: number, isEmpty: boolean): number => {
    nowMs = atMs
    clock.begin()
    const since = clock.arrivedSince(clock.turnMs)
    nowMs += 5
    expect(clock.arrivedSince(clock.turnMs)).toBe(since)
    expect(clock.turnMs).toBe(atMs)
    clock.end(isEmpty)
    return since
  }
  expect(turn(1002, true)).toBe(1000)
  expect(turn(1010, true)).toBe(1002)
  // Something is left: it may have come since the last time that nothing was.
  expect(turn(1020, false)).toBe(1010)
  expect(turn(1030, false)).toBe(1010)
  expect(turn(1040, true)).toBe(1010)
  expect(turn(1050, true)).toBe(1040)
  // Held up: no longer than is allowed for.
  expect(turn(2000, true)).toBe(1600)
  clock.close()
})

import { createSocket, type Socket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { afterEach, expect, test } from 'vitest'
import { openUdp, type UdpListener, type UdpOptions } from './udp.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Received {
  text: string
  address: string
  port: number
}

async function open(options: Partial<UdpOptions> = {}): Promise<{ udp: UdpListener; received: Received[] }> {
  const received: Received[] = []
  const udp = await openUdp({
    host: '127.0.0.1',
    port: 0,
    receiveBufferBytes: 4 * 1024 * 1024,
    sendQueueBytesMax: 1024 * 1024,
    onPacket: (bytes, address, port) => received.push({ text: bytes.toString(), address, port }),
    ...options,
  })
  closers.push(() => udp.close())
  return { udp, received }
}

async function peer(type: 'udp4' | 'udp6' = 'udp4'): Promise<{ socket: Socket; texts: string[] }> {
  const socket = createSocket(type)
  const texts: string[] = []
  socket.on('message', (bytes) => texts.push(bytes.toString()))
  await new Promise<void>((resolve) => void socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1', resolve))
  closers.push(() => new Promise((resolve) => void socket.close(resolve)))
  return { socket, texts }
}

async function until(condition: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !condition();) {
    if (performance.now() > endMs) throw new Error('it never happened')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

test('what is sent to it comes with its address, and it can answer', async () => {
  const { udp, received } = await open()
  const { socket, texts } = await peer()
  socket.send('hello', udp.port, '127.0.0.1')
  await until(() => received.length === 1)
  expect(received).toEqual([{ text: 'hello', address: '127.0.0.1', port: socket.address().port }])
  expect(udp.send(Buffer.from('hi'), '127.0.0.1', socket.address().port)).toBe(true)
  await until(() => texts.length === 1)
  expect(texts).toEqual(['hi'])
})

test.skipIf(!hasIpv6)('an IPv6 address, and a name', async () => {
  const { udp, received } = await open({ host: '::1' })
  const { socket, texts } = await peer('udp6')
  socket.send('hello', udp.port, '::1')
  await until(() => received.length === 1)
  udp.send(Buffer.from('hi'), '::1', socket.address().port)
  await until(() => texts.length === 1)
  const named = await open({ host: 'localhost' })
  expect(['127.0.0.1', '::1']).toContain(named.udp.host)
})

test('an address that is taken, or is none of this machine', async () => {
  const { udp } = await open()
  await expect(open({ port: udp.port })).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    detail: `udp 127.0.0.1:${udp.port}: it is taken by another process`,
  })
  await expect(open({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
  await expect(open({ host: 'no.such.host.invalid' })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
})

test('a buffer that no kernel gives is as large as can be had', async () => {
  const { udp } = await open({ receiveBufferBytes: 2 ** 31 - 1 })
  expect(udp.receiveBufferBytes).toBeGreaterThan(64 * 1024)
})

test('no more waits to be sent than is allowed, and nothing is sent after closing', async () => {
  const { udp } = await open({ sendQueueBytesMax: 10 })
  expect(udp.send(Buffer.alloc(11), '127.0.0.1', 9)).toBe(false)
  const other = await openUdp({
    host: '127.0.0.1',
    port: 0,
    receiveBufferBytes: 64 * 1024,
    sendQueueBytesMax: 1000,
    onPacket: () => undefined,
  })
  await other.close()
  expect(other.send(Buffer.alloc(1), '127.0.0.1', 9)).toBe(false)
})

test('what cannot be sent is counted', async () => {
  const { udp } = await open({ sendQueueBytesMax: 1e6 })
  udp.send(Buffer.alloc(70_000), '127.0.0.1', 9)
  await until(() => udp.sendErrors === 1)
  // A datagram may claim to come from there.
  expect(udp.send(Buffer.alloc(1), '127.0.0.1', 0)).toBe(true)
  expect(udp.sendErrors).toBe(2)
})

test.skipIf(!existsSync('/proc/net/udp')).each(['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])])(
  'what the kernel drops is known: %s',
  async (host) => {
    const { udp, received } = await open({ host, receiveBufferBytes: 64 * 1024 })
    expect(await udp.kernelDrops()).toBe(0)
    const { socket } = await peer(host === '::1' ? 'udp6' : 'udp4')
    // Sending is done at once: nothing is read before this turn ends.
    const packets = 4000
    let sent = 0
    for (let i = 0; i < packets; i++) socket.send(Buffer.alloc(1000), udp.port, host, () => void sent++)
    await until(() => sent === packets)
    await until(() => received.length > 0)
    let drops = 0
    for (const endMs = performance.now() + 10_000; performance.now() < endMs && drops + received.length < packets;) {
      drops = await udp.kernelDrops()
    }
    expect(drops).toBeGreaterThan(0)
    expect(drops + received.length).toBe(packets)
  },
)

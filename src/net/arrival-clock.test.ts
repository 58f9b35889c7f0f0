import { createSocket } from 'node:dgram'
import { expect, test } from 'vitest'
import { ArrivalClock } from './arrival-clock.ts'

const WAIT_MS_MAX = 400

/** Holds the whole process up, as long work or a collection of garbage does. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

interface Arrival {
  /** Allowance in milliseconds. */
  waitedMs: number
}

/** A socket that asks the clock about each datagram, and one to send with. */
async function open() {
  const arrivals: Arrival[] = []
  const clock = new ArrivalClock(() => performance.now(), WAIT_MS_MAX)
  const socket = createSocket('udp4', () => {
    const nowMs = performance.now()
    arrivals.push({ waitedMs: nowMs - clock.arrivedSince(nowMs) })
  })
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve))
  socket.setRecvBufferSize(1024 * 1024)
  const sender = createSocket('udp4')
  await new Promise<void>((resolve) => void sender.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  return {
    arrivals,
    send(count: number): void {
      for (let i = 0; i < count; i++) sender.send('x', port, '127.0.0.1')
    },
    async arrived(count: number): Promise<void> {
      while (arrivals.length < count) await new Promise((resolve) => setTimeout(resolve, 2))
    },
    close(): void {
      clock.close()
      socket.close()
      sender.close()
    },
  }
}

test('what came while the process was held up may have come all the while', async () => {
  const { arrivals, send, arrived, close } = await open()
  await new Promise((resolve) => setTimeout(resolve, 60))
  const startMs = performance.now()
  send(100)
  await new Promise((resolve) => setImmediate(resolve))
  await arrived(100)
  arrivals.length = 0
  send(100)
  block(200)
  await arrived(100)
  const heldMs = performance.now() - startMs
  // Also for those of later turns, as it takes several to read them all.
  for (const { waitedMs } of arrivals) {
    expect(waitedMs).toBeGreaterThanOrEqual(199)
    expect(waitedMs).toBeLessThanOrEqual(Math.max(heldMs + 100, WAIT_MS_MAX))
  }
  close()
})

test('the allowance is bounded', async () => {
  const { arrivals, send, arrived, close } = await open()
  send(1)
  block(WAIT_MS_MAX * 2)
  await arrived(1)
  expect(arrivals[0]?.waitedMs).toBe(WAIT_MS_MAX)
  close()
})

test('and it ends when everything has been read', async () => {
  const { arrivals, send, arrived, close } = await open()
  send(100)
  block(100)
  await arrived(100)
  // On a busy machine some of these are late as well, but not forever.
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    const before = arrivals.length
    send(1)
    await arrived(before + 1)
    if (arrivals.at(-1)?.waitedMs === 0) break
  }
  close()
})

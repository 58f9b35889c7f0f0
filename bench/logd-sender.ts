/**
 * A process of its own that sends signed logd packets at a steady rate, says that it is ready, waits for a line on
 * stdin, and reports. Run as: `node --import tsx bench/logd-sender.ts '<LogdSenderOptions as JSON>'`.
 */
import { createInterface } from 'node:readline'
import { sealerOf, type LogdCredentials } from '../src/client/logd/credentials.ts'
import { PacketClock } from '../src/client/logd/packet-clock.ts'
import { connectRemote } from '../src/client/logd/remote.ts'
import { encodeCommand } from '../src/wire/logd/message.ts'

export interface LogdSenderOptions extends LogdCredentials {
  port: number
  packetsPerSecond: number
  seconds: number
  textBytes: number
  keys: number
}

export interface LogdSenderReport {
  seconds: number
  sent: number
  /** Not taken by the kernel. */
  failed: number
  packetBytes: number
  cpuSeconds: number
  /** Furthest that the sender was behind its pace. */
  lateMsMax: number
}

/** Packets between two looks at the clock: as many as fit into a small socket buffer. */
const BURST = 128
/** Different texts, so that the store cannot compress them to nothing. */
const TEXTS = 4096

const options = JSON.parse(process.argv[2] ?? '{}') as LogdSenderOptions
const seal = sealerOf(options, 'write')
const clock = new PacketClock()
const report: LogdSenderReport = { seconds: 0, sent: 0, failed: 0, packetBytes: 0, cpuSeconds: 0, lateMsMax: 0 }
const remote = connectRemote({ address: '127.0.0.1', port: options.port, onError: () => {}, isKeeping: true })
const texts = Array.from({ length: TEXTS }, (_, index) => textOf(index, options.textBytes))

function textOf(index: number, bytes: number): string {
  const random = Math.imul(index + 1, 0x9e3779b1) >>> 0
  const text = `request ${random.toString(16)} of user u${random % 20_000} served in ${random % 977} ms with status 200 `
  return (text + ' from the cache of the third upstream behind the balancer'.repeat(20)).slice(0, bytes)
}

function send(index: number): void {
  const timeNs = clock.nowNs()
  const key = `/bench/key${index % options.keys}`
  const message = { timeNs, level: 'info' as const, text: texts[index % TEXTS] ?? '', key }
  const packet = seal(encodeCommand({ name: 'write', message }), timeNs)
  report.packetBytes = packet.length
  remote.send(packet, onSent)
}

function onSent(error: Error | null): void {
  if (error) report.failed++
  else report.sent++
}

function run(total: number, onEnd: () => void): void {
  const from = performance.now()
  let next = 0
  const turn = (): void => {
    const elapsedMs = performance.now() - from
    const due = Math.min(total, Math.floor((elapsedMs * options.packetsPerSecond) / 1000))
    report.lateMsMax = Math.max(report.lateMsMax, ((due - next) * 1000) / options.packetsPerSecond)
    const end = Math.min(due, next + BURST)
    while (next < end) send(next++)
    // Spinning would take a core from those who are measured.
    if (next < due) setImmediate(turn)
    else if (next < total) setTimeout(turn, 1)
    else {
      report.seconds = (performance.now() - from) / 1000
      setImmediate(onEnd)
    }
  }
  turn()
}

const lines = createInterface({ input: process.stdin })
process.stdout.write('{"ready":true}\n')
await new Promise((resolve) => lines.once('line', resolve))
lines.close()
const cpu = process.cpuUsage()
await new Promise<void>((resolve) => run(Math.round(options.packetsPerSecond * options.seconds), resolve))
const used = process.cpuUsage(cpu)
report.cpuSeconds = (used.user + used.system) / 1e6
remote.close()
process.stdout.write(`${JSON.stringify(report)}\n`)

/**
 * Microseconds per event of the transcoder alone, on one core: NDJSON bytes in 64 KiB chunks → RowBinary batches of
 * 1 MiB. Run: node --import tsx bench/transcode.ts [events]
 */
import { eventDefaults } from '../src/wire/transcode/row-writer.ts'
import { EventStream, type StreamFormat } from '../src/wire/transcode/event-stream.ts'
import { EVENT_LIMITS } from '../src/wire/transcode/limits.ts'
import { LineTranscoder } from '../src/wire/transcode/transcoder.ts'
import { generate } from './generate.ts'

const CHUNK_BYTES = 64 * 1024
const BATCH_BYTES = 1024 * 1024
const RUNS = 7

interface Figures {
  usPerEvent: number
  cpuUsPerEvent: number
}

function run(bodies: readonly Buffer[], format: StreamFormat, events: number): Figures {
  const transcoder = new LineTranscoder(EVENT_LIMITS)
  const runs: Figures[] = []
  for (let i = 0; i < RUNS; i++) {
    const cpu = process.cpuUsage()
    const start = performance.now()
    let accepted = 0
    for (const body of bodies) accepted += transcode(body, format, transcoder)
    const elapsedUs = (performance.now() - start) * 1000
    const used = process.cpuUsage(cpu)
    if (accepted !== events) throw new Error(`${accepted} of ${events} events were accepted`)
    runs.push({ usPerEvent: elapsedUs / events, cpuUsPerEvent: (used.user + used.system) / events })
  }
  runs.sort((a, b) => a.cpuUsPerEvent - b.cpuUsPerEvent)
  return runs[RUNS >> 1] ?? { usPerEvent: Number.NaN, cpuUsPerEvent: Number.NaN }
}

function transcode(body: Buffer, format: StreamFormat, transcoder: LineTranscoder): number {
  const stream = new EventStream({
    transcoder,
    format,
    defaults: eventDefaults({ host: 'bench', source: 'http' }),
    nowSeconds: Date.now() / 1000,
    capacityBytes: BATCH_BYTES + 16 * 1024,
    onReject: (line, _reason, detail) => {
      throw new Error(`line ${line}: ${detail}`)
    },
  })
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    stream.push(body.subarray(at, at + CHUNK_BYTES), () => {
      if (stream.batchBytes >= BATCH_BYTES) stream.takeBatch()
    })
  }
  stream.end()
  stream.takeBatch()
  return stream.acceptedCount
}

const events = Number(process.argv[2] ?? 200_000)
const { bodies } = generate({ events, seed: 1, endMs: Date.UTC(2026, 10, 21), bodyBytes: 2_000_000 })
const bytes = bodies.reduce((sum, body) => sum + body.length, 0)
const escaped = bodies.map((body) => Buffer.from(body.toString().replaceAll('"message":"', '"message":"\\t')))
const arrays = bodies.map((body) => Buffer.from(`[${body.toString().trim().replaceAll('\n', ',')}]`))
const cases: [string, readonly Buffer[], StreamFormat][] = [
  ['NDJSON', bodies, 'lines'],
  ['NDJSON, an escape in each line', escaped, 'lines'],
  ['JSON array', arrays, 'json'],
  ['text lines', bodies, 'text'],
]
process.stdout.write(`${events} events, ${Math.round(bytes / events)} bytes each; median of ${RUNS}\n`)
for (const [name, input, format] of cases) {
  const { usPerEvent, cpuUsPerEvent } = run(input, format, events)
  process.stdout.write(`${name.padEnd(32)} ${usPerEvent.toFixed(3)} µs, CPU ${cpuUsPerEvent.toFixed(3)} µs per event\n`)
}

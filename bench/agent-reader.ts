/**
 * A process of its own that reads log files with source `file` and throws away what is delivered; then it reports. Run as
 * `node --import tsx bench/agent-reader.ts '<ReaderTask as JSON>'`.
 */
import { Counters } from '../src/core/counters.ts'
import type { Logger } from '../src/core/logger.ts'
import { fileSource } from '../src/sources/file/file.ts'

export interface ReaderTask {
  glob: string
  stateDir: string
}

export interface ReaderReport {
  /** From opening the source until everything was delivered. */
  seconds: number
  cpuSeconds: number
  bytes: number
  events: number
}

const { glob, stateDir } = JSON.parse(process.argv[2] ?? '{}') as ReaderTask
const ignore = (): void => undefined
const logger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
let events = 0
const cpu = process.cpuUsage()
const from = performance.now()
const source = await fileSource.follow({
  patterns: [{ path: glob }],
  stateDir,
  sink: {
    deliver(_id, batch) {
      events += batch.rows
      return Promise.resolve()
    },
    wasTaken: () => Promise.resolve(false),
  },
  counters: new Counters(),
  logger,
  hostname: 'bench',
})
await source.caughtUp()
const seconds = (performance.now() - from) / 1000
const used = process.cpuUsage(cpu)
const bytes = source.status().readBytes
const report: ReaderReport = { seconds, cpuSeconds: (used.user + used.system) / 1e6, bytes, events }
process.stdout.write(`${JSON.stringify(report)}\n`)
await source.close()

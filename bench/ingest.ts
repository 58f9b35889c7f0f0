import { parseArgs } from 'node:util'
import { runLatency } from './latency.ts'
import { runLoad } from './load.ts'
import { runQueries } from './queries.ts'
import { latencyTable, loadTable, machine, machineText, queryTable, saveResult } from './report.ts'
import { runningServer, startServer } from './server.ts'

const PARTS = ['load', 'queries', 'latency']

const HELP = `npm run bench -- ingest [flags]
  --events 2000000      events to send
  --connections 4       of the sender
  --body-bytes 2000000  size of one body
  --seed 1              of the generated events
  --latency-events 200  single events for the latencies
  --only load           load, queries (which loads first) or latency
  --url http://…        use a server that runs already: figures then include what else it does
  --profile <folder>    write a CPU profile of the server there
`

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** How fast events go in, what they cost, how fast they are found. */
export async function benchIngest(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: '2000000' },
      connections: { type: 'string', default: '4' },
      'body-bytes': { type: 'string', default: '2000000' },
      seed: { type: 'string', default: '1' },
      'latency-events': { type: 'string', default: '200' },
      only: { type: 'string' },
      url: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || (values.only !== undefined && !PARTS.includes(values.only))) {
    process.stdout.write(HELP)
    return
  }
  const wants = (part: string): boolean => values.only === undefined || values.only === part
  const server = await (values.url === undefined
    ? startServer({ profileFolder: values.profile })
    : runningServer(values.url))
  const result: Record<string, unknown> = { at: new Date().toISOString(), machine: machine(), arguments: values }
  try {
    const { version, store } = await server.status()
    Object.assign(result, { version, engine: store.version })
    say(`tailrace ${version} on ${machineText(machine(), store.version)}\n`)
    if (wants('load') || wants('queries')) {
      const load = await runLoad(server, {
        url: server.url,
        connections: Number(values.connections),
        events: Number(values.events),
        seed: Number(values.seed),
        endMs: Date.now(),
        bodyBytes: Number(values['body-bytes']),
      })
      result['load'] = load
      say(`${loadTable(load)}\n`)
      if (wants('queries')) {
        const queries = await runQueries(server.url, load.expected)
        result['queries'] = queries
        say(`${queryTable(queries)}\n`)
        // On a shared server the counts include what was there before.
        if (server.isOwn && queries.some((query) => !query.isRight)) process.exitCode = 1
      }
    }
    if (wants('latency')) {
      const latency = await runLatency(server.url, Number(values['latency-events']))
      result['latency'] = latency
      say(`${latencyTable(latency)}\n`)
    }
  } finally {
    await server.stop()
  }
  say(`written to ${saveResult('ingest', result)}`)
}

/**
 * bench: measures the built server from outside, as its users meet it. `npm run bench` runs the first benchmark,
 * `npm run bench -- <name> [flags]` another one. Start at `ingest.ts`; the pieces (`generate`, `sender`, `server`,
 * `process-figures`, `table`) are made to be used by other benchmarks.
 */
import { benchAgent } from './agent.ts'
import { benchAudit } from './audit.ts'
import { benchEventlog } from './eventlog.ts'
import { benchIngest } from './ingest.ts'
import { benchLivestream } from './livestream.ts'
import { benchLogd } from './logd.ts'
import { benchPage } from './page.ts'

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  ingest: benchIngest,
  logd: benchLogd,
  eventlog: benchEventlog,
  livestream: benchLivestream,
  page: benchPage,
  audit: benchAudit,
  agent: benchAgent,
}

const [first, ...rest] = process.argv.slice(2)
const isNamed = first !== undefined && !first.startsWith('-')
const bench = BENCHES[isNamed ? first : 'ingest']
if (bench) {
  try {
    await bench(isNamed ? rest : process.argv.slice(2))
  } catch (error) {
    const isUse = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
    if (!isUse) throw error
    process.stderr.write(`${error.message} (--help shows the flags)\n`)
    process.exitCode = 2
  }
} else {
  process.stderr.write(`no benchmark is named ${first}: there is ${Object.keys(BENCHES).join(', ')}\n`)
  process.exitCode = 2
}

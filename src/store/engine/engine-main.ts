/**
 * The engine's own process: opens the shared library and becomes `clickhouse local`. Does nothing else, because the
 * call blocks this thread for as long as the engine lives. Arguments: path of the library, then the engine's argv.
 */
import { createRequire } from 'node:module'
import type * as FfiRs from 'ffi-rs'

const require = createRequire(import.meta.url)
const { open, load, DataType } = require('ffi-rs') as typeof FfiRs

const [library = '', ...argv] = process.argv.slice(2)
open({ library: 'engine', path: library })
load({
  library: 'engine',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [argv.length, argv],
})
process.exit(0)

// src → dist: generates the parser from its grammar, compiles TypeScript, copies what is not TypeScript.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import peggy from 'peggy'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const GRAMMAR = 'query/1-parse/grammar.peggy'
const PARSER = 'query/1-parse/grammar.generated.js'

const source = peggy.generate(readFileSync(join(root, 'src', GRAMMAR), 'utf8'), {
  output: 'source',
  format: 'es',
  grammarSource: GRAMMAR,
  cache: false,
})
const parserPath = join(root, 'src', PARSER)
if (!existsSync(parserPath) || readFileSync(parserPath, 'utf8') !== source) writeFileSync(parserPath, source)

rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
cpSync(parserPath, join(root, 'dist', PARSER))
const main = join(root, 'dist/cli/main.js')
if (existsSync(main)) chmodSync(main, 0o755)
writeFileSync(join(root, 'dist/.built'), new Date().toISOString())

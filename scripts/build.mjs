// src → dist: generates the parser from its grammar, compiles TypeScript, copies what is not TypeScript.
// web → dist/web: bundles the page, and compresses its files once for all readers.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import peggy from 'peggy'
import { build } from 'vite'

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
for (const project of ['tsconfig.build.json', 'src/stream-page/tsconfig.build.json']) {
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (tsc.status !== 0) process.exit(tsc.status ?? 1)
}
cpSync(join(root, 'src/stream-page/page.css'), join(root, 'dist/stream-page/page.css'))
cpSync(parserPath, join(root, 'dist', PARSER))
const main = join(root, 'dist/cli/main.js')
if (existsSync(main)) chmodSync(main, 0o755)

const web = join(root, 'dist/web')
await build({
  configFile: false,
  root: join(root, 'web'),
  logLevel: 'warn',
  build: {
    outDir: web,
    emptyOutDir: true,
    target: 'es2022',
    // An inlined file would be a `data:` address, which the policy of the page does not let in.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
for (const entry of readdirSync(web, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue
  const path = join(entry.parentPath, entry.name)
  const content = readFileSync(path)
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
  )
}
writeFileSync(join(root, 'dist/.built'), new Date().toISOString())

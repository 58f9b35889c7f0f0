// Makes a clone ready to run: installs what the lock file names and builds, each only when it is out of date.
// Plain JavaScript without dependencies, because it runs before anything is installed. Speaks on stderr only.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const NODE_MIN = [20, 19]

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
  fail(`Tailrace needs Node ${NODE_MIN.join('.')} or newer; this is ${process.versions.node}.`)
}

installIfNeeded()
buildIfNeeded()

function installIfNeeded() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  const wanted = createHash('sha256').update(lock).digest('hex')
  const stamp = join(root, 'node_modules', '.tailrace-installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say('Installing packages (once) …')
  // Not `npm ci`: it refuses a lock file that does not name the optional binaries of every platform there is.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, wanted)
}

function buildIfNeeded() {
  const built = join(root, 'dist', '.built')
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0
  const inputs = ['src', 'web', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json']
  if (builtAt > 0 && inputs.every((input) => newestMtimeMs(join(root, input)) <= builtAt)) return
  say('Building …')
  run(process.execPath, [join(root, 'scripts', 'build.mjs')])
}

function newestMtimeMs(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  const names = readdirSync(path).filter((name) => !name.includes('.generated.'))
  return Math.max(...names.map((name) => newestMtimeMs(join(path, name))), 0)
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (result.error) fail(`${command} could not be started: ${result.error.message}`)
  if (result.status !== 0) fail(`${command} ${args.join(' ')} failed.`)
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}

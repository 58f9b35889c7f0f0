/** `tailrace/logd` as another project meets it: by its name, built, with its types, from pino's worker as well. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open } from '../../src/client/logd/credentials.ts'
import type { LogdMessage } from '../../src/wire/logd/message.ts'
import { temporaryFolder } from './harness/server.ts'
import { until } from './harness/wait.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const SECRET = 'testsecret'

let socket: Socket
let port: number
let messages: LogdMessage[]
let project: string

beforeEach(async () => {
  messages = []
  socket = createSocket('udp4', (bytes) => {
    const message = open(bytes, { secret: SECRET })?.command.message
    if (message) messages.push(message)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  port = socket.address().port
  project = temporaryFolder()
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(root, join(project, 'node_modules/tailrace'))
  for (const name of ['pino', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  writeFileSync(join(project, 'package.json'), '{ "name": "shop", "private": true, "type": "module" }')
})
afterEach(() => void socket.close())

async function run(program: string): Promise<{ code: number | null; stderr: string }> {
  writeFileSync(join(project, 'main.js'), program)
  const child = spawn(process.execPath, ['main.js'], { cwd: project, stdio: ['ignore', 'ignore', 'pipe'] })
  const [stderr] = await Promise.all([textOf(child.stderr), once(child, 'exit')])
  return { code: child.exitCode, stderr }
}

const options = () => JSON.stringify({ port, secret: SECRET, key: '/shop/web' })

test('a program that logs and ends', async () => {
  const ended = await run(`
    import { createLogger, tail, query, sign, open } from 'tailrace/logd'
    const log = createLogger(${options()})
    log.info('hello %s', typeof tail + typeof query + typeof sign + typeof open)
    process.exit(7)`)
  expect(ended).toEqual({ code: 7, stderr: '' })
  await until('the message is there', () => messages.length === 1)
  expect(messages[0]).toMatchObject({ level: 'info', text: 'hello functionfunctionfunctionfunction' })
})

test.each([
  ['in the process', 'pino(pinoLogd(OPTIONS))'],
  ['in a worker', "pino({ transport: { target: 'tailrace/logd/pino', options: OPTIONS } })"],
  [
    'in a worker with other targets',
    `pino({ transport: { targets: [
      { target: 'tailrace/logd/pino', options: OPTIONS }, { target: 'pino/file', options: { destination: 'x.log' } }
    ] } })`,
  ],
])('pino %s', async (_where, logger) => {
  const ended = await run(`
    import { pino } from 'pino'
    import { pinoLogd } from 'tailrace/logd/pino'
    const log = ${logger.replace('OPTIONS', options())}
    for (let i = 0; i < 100; i++) log.warn({ i }, 'number')
    log.error(new Error('last'))`)
  expect(ended).toEqual({ code: 0, stderr: '' })
  await until('all messages are there', () => messages.length === 101)
  expect(messages.slice(0, 100).map(({ level, text }) => `${level} ${text}`)).toEqual(
    Array.from({ length: 100 }, (_, i) => `warn number {"i":${i}}`),
  )
  expect(messages[100]?.stackTrace).toContain('Error: last\n    at ')
})

test('the types that are published are whole', () => {
  writeFileSync(
    join(project, 'main.ts'),
    `import { createLogger, query, tail, type Logger, type LogdMessage } from 'tailrace/logd'
     import { pinoLogd } from 'tailrace/logd/pino'
     import { pino } from 'pino'
     const log: Logger = createLogger({ secret: 's', key: '/a/b', keyId: undefined })
     log.child('c').error(new Error('x'))
     const texts: string[] = []
     for await (const item of tail({ secret: 's' })) if (item.kind === 'message') texts.push(item.message.text)
     for await (const message of query({ secret: 's', query: { level: 'warn' } })) show(message)
     function show(message: LogdMessage): bigint | undefined { return message.timeNs }
     pino(pinoLogd({ secret: 's', key: '/a/b' })).info('x')
     // @ts-expect-error a key is needed
     createLogger({ secret: 's' })
     // @ts-expect-error there is no such level
     log.loud('x')`,
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2023']
  const result = spawnSync(process.execPath, [tsc, ...flags, '--types', 'node', 'main.ts'], {
    cwd: project,
    encoding: 'utf8',
  })
  expect(result.stdout).toBe('')
  expect(result.status).toBe(0)
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStreams, type TestStreams } from '../../sources/livestream/testing/open-streams.ts'
import { runProgram } from '../program.ts'
import { memoryTerminal, type MemoryTerminalOptions } from '../testing/memory-terminal.ts'

let server: TestStreams
beforeAll(async () => {
  server = await openStreams()
})
afterAll(() => server.close())

const NODE = [process.execPath, '-e']

async function run(args: readonly string[], options: MemoryTerminalOptions = {}) {
  const env = { TAILRACE_URL: server.url, PATH: process.env['PATH'] ?? '' }
  const terminal = memoryTerminal({ env, cwd: process.cwd(), ...options })
  const code = await runProgram(['stream', ...args], terminal)
  return { code, out: terminal.outText(), err: terminal.errText() }
}
const stored = async (name: string): Promise<string> => (await server.ask('GET', `/streams/${name}`)).text

test('standard input becomes a stream, and the address is printed', async () => {
  const { code, out } = await run(['ci/a'], { stdin: [Buffer.from('one\n'), Buffer.from([0xff, 0x00, 0x0a])] })
  expect([code, out]).toEqual([0, `${server.url}/streams/ci/a\n`])
  expect(server.catalog.get('ci/a')).toMatchObject({ sizeBytes: 7, state: 'finished' })
})

test('with --echo it is shown here as well, and the address beside it', async () => {
  const { out, err } = await run(['ci/b', '--echo'], { stdin: [Buffer.from('Größe\n')] })
  expect(out).toBe('Größe\n')
  expect(err).toContain(`${server.url}/streams/ci/b\n`)
})

test('a command is run, both of its outputs are streamed, and its end is ours', async () => {
  const script = 'console.log("out"); console.error("err"); process.exit(3)'
  const { code, out } = await run(['ci/c', '--', ...NODE, script])
  expect([code, out]).toEqual([3, `${server.url}/streams/ci/c\n`])
  expect((await stored('ci/c')).split('\n').toSorted()).toEqual(['', 'err', 'out'])
  expect((await run(['ci/d', '--', ...NODE, 'process.kill(process.pid)'])).code).toBe(143)
  expect((await run(['ci/e', '--no-index', '--', ...NODE, '0'])).code).toBe(0)
  expect(server.catalog.get('ci/e')?.indexed).toBeUndefined()
})

test('without a name it is called after the command or the host', async () => {
  const { out } = await run(['--', ...NODE, '0'])
  expect(out).toMatch(/\/streams\/node\/\d{4}-\d\d-\d\dT[\d-]+-[0-9a-f]{4}\n$/)
})

test('a link that needs no key', async () => {
  const { out } = await run(['ci/f', '--share', '1h', '--', ...NODE, 'console.log("x")'])
  const url = out.trim()
  expect(url).toContain('/shared/ci/f?token=')
  expect(await (await fetch(url)).text()).toBe('x\n')
})

test('what cannot be is said before anything is started', async () => {
  await server.ask('PUT', '/streams/taken', { body: 'x' })
  expect(await run(['taken', '--', 'no-such-program'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('already') as string,
  })
  expect(await run(['new', '--', 'no-such-program'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('cannot be started') as string,
  })
  expect(await run(['new', '--share', 'soon'])).toMatchObject({ code: 2 })
  expect(await run(['a/../b'])).toMatchObject({ code: 2 })
  const away = { env: { TAILRACE_URL: 'http://127.0.0.1:1' } }
  expect(await run(['x'], away)).toMatchObject({
    code: 1,
    err: expect.stringContaining('no Tailrace server') as string,
  })
})

import { spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { runCli, startCli } from './harness/cli.ts'
import { count, getJson, settled } from './harness/http.ts'
import { MAIN, startServer, temporaryFolder } from './harness/server.ts'
import { until } from './harness/wait.ts'

const numbersIn = (text: string) => [...text.matchAll(/"message":"line (\d+)"/g)].map(([, digits]) => Number(digits))

test('send and tail live through kill -9 of the server: every line once, in order', async () => {
  const dataDir = temporaryFolder()
  const first = await startServer({ dataDir })
  const { port } = new URL(first.url)
  const url = ['--url', first.url]
  const tail = startCli(['tail', 'service:shop', '--format', 'json', ...url])
  await until('the tail is open', async () => {
    const { json } = await getJson(first.url, '/api/v1/status')
    return (json['live'] as { subscribers: number }).subscribers === 1
  })
  const send = spawn(process.execPath, [MAIN, 'send', '--service', 'shop', ...url], {
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  onTestFinished(() => void send.kill('SIGKILL'))
  const ended = new Promise<number | null>((resolve) => send.once('close', resolve))
  let said = ''
  send.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const write = (from: number, to: number) => {
    for (let line = from; line < to; line++) send.stdin.write(`line ${line}\n`)
  }
  write(0, 500)
  // Lines go out while the input is still open.
  await until('the first lines are shown', () => numbersIn(tail.stdout).length === 500)
  await first.kill9()
  write(500, 1000)
  await until('the sender has noticed', () => said.includes('trying again'))
  await startServer({ dataDir, flags: { port } })
  write(1000, 1500)
  send.stdin.end()
  expect(await ended).toBe(0)
  expect(said).toContain('1,500 events sent')
  const all = Array.from({ length: 1500 }, (_, line) => line)
  await until('all lines are shown', () => numbersIn(tail.stdout).length >= all.length)
  tail.child.kill('SIGINT')
  const { code, stdout, stderr } = await tail.ended
  expect(code).toBe(0)
  expect(numbersIn(stdout)).toEqual(all)
  expect(stderr).toContain('Connected again')
})

test('text and JSON mixed in one input keep their order, times and levels', async () => {
  const server = await startServer()
  const url = ['--url', server.url]
  const input = Array.from({ length: 300 }, (_, line) => {
    const time = new Date(Date.UTC(2026, 0, 5) + line * 1000).toISOString()
    return line % 2 === 0
      ? `${time} WARN line ${line}`
      : JSON.stringify({ time, level: 'error', message: `line ${line}` })
  })
  expect(await runCli(['send', ...url], `${input.join('\n')}\n{broken\n`)).toMatchObject({
    code: 0,
    stderr: '301 events sent\n',
  })
  await settled(server.url)
  const range = ['--since', '2026-01-05T00:00:00Z', '--until', '2026-01-06T00:00:00Z']
  const { stdout } = await runCli([
    'query',
    '',
    '--order',
    'asc',
    '--limit',
    '1000',
    '--format',
    'ndjson',
    ...range,
    ...url,
  ])
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string; message: string })
  expect(events.map(({ message }) => Number(/\d+$/.exec(message)?.[0]))).toEqual(input.map((_, line) => line))
  expect(events.map(({ level }) => level)).toEqual(input.map((_, line) => (line % 2 === 0 ? 'warn' : 'error')))
  expect(await count(server.url, 'broken')).toBe(1)
})

test('query pages beyond the limit of one answer, and ends quietly when nobody reads on', async () => {
  const server = await startServer({ flags: { 'query-rows-max': '2000' } })
  const url = ['--url', server.url]
  const input = Array.from(
    { length: 5000 },
    (_, line) => `{"time":${1_767_571_200_000 + line},"message":"line ${line}"}`,
  )
  await runCli(['send', ...url], input.join('\n'))
  await settled(server.url)
  const all = input.map((_, line) => line)

  const json = await runCli(['query', 'line', '--limit', '4500', '--format', 'json', ...url])
  expect(numbersIn(json.stdout)).toEqual(all.toReversed().slice(0, 4500))
  expect(JSON.parse(json.stdout)).toMatchObject({ cursor: expect.any(String) as string })
  const pretty = await runCli(['query', 'line', '--limit', '4500', ...url])
  expect([...pretty.stdout.matchAll(/line (\d+)$/gm)].map(([, digits]) => Number(digits))).toEqual(all.slice(500))
  expect(pretty.stderr).toMatch(/^4,500 events in [\d,]+ ms; there are more/)
  const ndjson = await runCli(['query', 'line', '--limit', '9000', '--format', 'ndjson', ...url])
  expect(numbersIn(ndjson.stdout)).toEqual(all.toReversed())

  const piped = spawn('sh', [
    '-c',
    '"$0" "$@" | head -n 1',
    process.execPath,
    MAIN,
    // Not everything: the export before this one is an event of the audit trail.
    'query',
    'line',
    '--limit',
    '5000',
    ...url,
  ])
  let shown = ''
  let said = ''
  piped.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
  piped.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  await new Promise((resolve) => piped.once('close', resolve))
  expect(shown).toMatch(/line 0\n$/)
  expect(said).toBe('')
})

test('demo fills a server that the doctor finds in order', async () => {
  const server = await startServer()
  const url = ['--url', server.url]
  const demo = await runCli(['demo', '--rate', '400', '--past', '20s', '--duration', '2s', ...url])
  const [, sent = ''] = /^([\d,]+) events sent\n$/.exec(demo.stderr) ?? []
  expect(demo.code).toBe(0)
  const sentCount = Number(sent.replaceAll(',', ''))
  expect(sentCount).toBeGreaterThan(6000)
  await settled(server.url)
  expect(await count(server.url, 'source:demo')).toBe(sentCount)
  const table = await runCli([
    'query',
    'source:demo | stats count() n, uniq(trace_id) by service | sort by n desc',
    ...url,
  ])
  expect(table.stdout).toMatch(/^service +n +uniq\(trace_id\)\ngateway +\d+ +\d+\n/)

  const doctor = await runCli(['doctor', '--port', '0', ...url])
  expect(doctor).toMatchObject({ code: 0, stdout: expect.stringContaining(`${sent} taken`) as string })
  await server.stop()
  const alone = await runCli(['doctor', '--port', '0', ...url])
  expect(alone).toMatchObject({ code: 1, stdout: expect.stringMatching(/^wrong +server/m) as string })
})

test.each([
  [['serv'], 'There is no command serv; did you mean serve?'],
  [['query', '--sicne', '1h'], '--sicne is not a flag of this command; did you mean --since?'],
  [['serve', '--prot', '1'], '--prot is not a flag of this command; did you mean --port?'],
  [['serve', '--port', 'x'], '"x" is not a whole number'],
  [['query', '--since', 'soon'], '--since is a time, not "soon"'],
])('%j is wrong use', async (args, text) => {
  const { code, stderr, stdout } = await runCli(args)
  expect(code).toBe(2)
  expect(stderr).toContain(text)
  expect(stdout).toBe('')
})

import { expect, test } from 'vitest'
import { runCli, startCli } from './harness/cli.ts'
import { count, settled } from './harness/http.ts'
import { startServer, temporaryFolder } from './harness/server.ts'
import { until } from './harness/wait.ts'

test('standard input is delivered before the agent ends, and commands are run again', async () => {
  const server = await startServer()
  const folder = temporaryFolder()
  const lines = Array.from({ length: 1000 }, (_, number) => `given ${number}\n`).join('')
  const from = ['agent', '--url', server.url, '--state', folder]
  expect(await runCli([...from, '--stdin', '--service', 'input'], lines)).toMatchObject({ code: 0 })
  await settled(server.url)
  expect(await count(server.url, 'service:input')).toBe(1000)
  const agent = startCli([...from, '--exec', 'echo said; echo grumbled >&2', '--service', 'command'])
  await until('the command has run twice', async () => (await count(server.url, 'service:command said')) >= 2)
  agent.child.kill('SIGTERM')
  expect(await agent.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('\ngrumbled\n') })
  await server.stop()
})

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCli, startCli } from './harness/cli.ts'
import { getJson, settled } from './harness/http.ts'
import { startServer } from './harness/server.ts'
import { until } from './harness/wait.ts'

const LINES = [
  'plain text of a service that was not asked to write JSON',
  '{"level":"error","msg":"payment refused","order":42,"customer":{"id":"c7"}}',
  '{"level":"info","msg":"payment taken","order":43}',
]

test('send, tail, query with the built program', async () => {
  const server = await startServer()
  const url = ['--url', server.url]
  const ready = await server.ready
  expect(ready).toMatchObject({ ready: true, pid: server.pid, listeners: { http: new URL(server.url).host } })

  const tail = startCli(['tail', 'service:shop', ...url])
  await until('the tail is open', async () => {
    const { json } = await getJson(server.url, '/api/v1/status')
    return (json['live'] as { subscribers: number }).subscribers === 1
  })
  const sent = await runCli(['send', '--service', 'shop', ...url], `${LINES.join('\n')}\n`)
  expect(sent).toMatchObject({ code: 0 })
  await until('the tail shows all lines', () =>
    ['plain text', 'payment refused', 'payment taken'].every((text) => tail.stdout.includes(text)),
  )
  await settled(server.url)

  const found = await runCli(['query', 'service:shop customer.id:c7', '--format', 'ndjson', ...url])
  expect(found.code).toBe(0)
  const lines = found.stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'error',
    service: 'shop',
    message: 'payment refused',
    attributes: { order: '42', 'customer.id': 'c7' },
  })
  const counted = await runCli(['query', 'service:shop | stats count() n by level', '--format', 'csv', ...url])
  expect(counted.stdout.trimEnd().split(/\r?\n/).sort()).toEqual(['error,1', 'info,1', 'level,n', 'unknown,1'].sort())

  const wrong = await runCli(['query', 'service:shop | cuont', ...url])
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toContain('cuont')

  await server.stop()
  expect(server.stdout.split('\n')).toEqual([expect.stringContaining('"ready":true'), ''])
})

test('without a server the commands fail and say so', async () => {
  const result = await runCli(['query', '*', '--url', 'http://127.0.0.1:9'])
  expect(result.code).toBe(1)
  expect(result.stderr).toContain('127.0.0.1:9')
})

test('--version and --help', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect((await runCli(['--version'])).stdout).toContain(version)
  const help = await runCli(['--help'])
  for (const command of ['serve', 'send', 'tail', 'query', 'doctor', 'demo']) expect(help.stdout).toContain(command)
})

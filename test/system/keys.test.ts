import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli, startCli, type CliResult } from './harness/cli.ts'
import { startServer, temporaryFolder } from './harness/server.ts'
import { until } from './harness/wait.ts'

/** Runs a command about keys in a data folder and returns what it printed. */
async function inFolder(dataDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(['keys', ...args, '--data', dataDir])
  if (code !== 0) throw new Error(`keys ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout.trimEnd()
}

async function statusWith(url: string, key?: string): Promise<number> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  return (await fetch(`${url}/api/v1/query?limit=1`, { headers })).status
}

/** Everything but the audit trail. */
const query = (url: string, ...flags: string[]): Promise<CliResult> =>
  runCli(['query', '-service:tailrace.audit', '--format', 'ndjson', '--url', url, ...flags])

test('keys made, listed and revoked in the data folder of a running server', async () => {
  const server = await startServer()
  const { url, dataDir } = server
  expect(await statusWith(url)).toBe(200)

  const admin = await inFolder(dataDir, 'create', '--role', 'admin', '--name', 'ops')
  expect(admin).toMatch(/^trk_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/)
  expect(statSync(join(dataDir, 'keys.json')).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(dataDir, 'keys.json'), 'utf8')).not.toContain(admin.slice(17))
  await until('the server asks for a key', async () => (await statusWith(url)) === 401)
  expect(await statusWith(url, admin)).toBe(200)

  const refused = await query(url)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(/KEY_REQUIRED[^]*--key-file[^]*keys create --role read --data/)

  const reader = await inFolder(dataDir, 'create', '--role', 'read', '--name', 'eyes')
  await until('the new key is known', async () => (await statusWith(url, reader)) === 200)
  const list = await inFolder(dataDir, 'list')
  expect(list).toMatch(/ ops +admin .*valid/)
  expect(list).toMatch(/ eyes +read .*valid/)

  expect(await inFolder(dataDir, 'revoke', 'eyes')).toContain('revoked')
  await until('the key has ended', async () => (await statusWith(url, reader)) === 401)
  expect(await statusWith(url, admin)).toBe(200)
  expect(await inFolder(dataDir, 'list')).toMatch(/ eyes +read .*revoked/)
  const trail = await until('the audit trail has all of it', async () => {
    const { stdout } = await runCli([
      'query',
      'service:tailrace.audit',
      '--format',
      'ndjson',
      '--url',
      url,
      '--key',
      admin,
    ])
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { attributes: Record<string, string> })
    return events.some(({ attributes }) => attributes['action'] === 'key.revoked') && events
  })
  const actions = trail.map(({ attributes }) => `${attributes['action']} ${attributes['key.name']}`)
  expect(actions).toEqual(expect.arrayContaining(['key.created ops', 'key.created eyes', 'key.revoked eyes']))
  const late = await query(url, '--key', reader)
  expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining('KEY_REFUSED') as string })
  for (const { stderr } of [refused, late]) expect(stderr).not.toContain(reader.slice(17))
})

test('keys made before the very first start are those that count, also for an address that others reach', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const admin = await inFolder(dataDir, 'create', '--role', 'admin')
  const server = await startServer({ dataDir, flags: { host: '0.0.0.0' } })
  const url = server.url.replace('0.0.0.0', '127.0.0.1')
  expect(await statusWith(url)).toBe(401)
  expect(await statusWith(url, admin)).toBe(200)
  expect(server.stderr).not.toContain('trk_')
})

test('a key on the command line is in no list of processes, and a tail says when its key has ended', async () => {
  const server = await startServer()
  const { url, dataDir } = server
  const reader = await inFolder(dataDir, 'create', '--role', 'read', '--name', 'eyes')
  await until('the key is known', async () => (await statusWith(url, reader)) === 200)
  const tail = startCli(['tail', '--url', url, '--key', reader])
  const shown = () => readFileSync(`/proc/${tail.child.pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  await until('the key is hidden', () => shown().endsWith(`tail --url ${url} --key …`))
  await until('the tail is open', async () => {
    const open = await fetch(`${url}/api/v1/status`, { headers: { authorization: `Bearer ${reader}` } })
    return ((await open.json()) as { live: { subscribers: number } }).live.subscribers === 1
  })
  await inFolder(dataDir, 'revoke', 'eyes')
  const { code, stderr } = await tail.ended
  expect(code).toBe(1)
  expect(stderr).toContain('KEY_REFUSED')
  expect(stderr).not.toContain(reader.slice(17))
})

test('send signs what it sends, and shows the server no key', async () => {
  const server = await startServer()
  const { url, dataDir } = server
  const reader = await inFolder(dataDir, 'create', '--role', 'read')
  const file = join(dataDir, 'write.key')
  const writer = await inFolder(dataDir, 'create', '--role', 'write', '--stamp', 'service=stamped')
  writeFileSync(file, `${writer}\n`, { mode: 0o600 })
  await until('the keys are known', async () => (await statusWith(url, reader)) === 200)
  const flags = ['--sign', '--service', 'a b', '--url', url, '--key-file', file]
  expect(await runCli(['send', ...flags], 'one\ntwo\n')).toMatchObject({ code: 0, stderr: '2 events sent\n' })
  const events = await until('they are found', async () => {
    const { stdout } = await query(url, '--key', reader)
    const lines = stdout.trimEnd().split('\n')
    return lines.length === 2 && lines.map((line) => JSON.parse(line) as { service: string; message: string })
  })
  expect(events.map(({ service }) => service)).toEqual(['stamped', 'stamped'])

  await inFolder(dataDir, 'revoke', writer)
  await until('the key has ended', async () => (await runCli(['send', ...flags], 'x\n')).code === 1)
  const { stderr } = await runCli(['send', ...flags], 'x\n')
  expect(stderr).toContain('SIGNATURE_REFUSED')
  expect(stderr).toContain('Not sent: everything from line 1 on.')
})

test('keys over the API: the first one shuts the door, an admin makes, lists and revokes further ones', async () => {
  const server = await startServer()
  const { url, dataDir } = server
  const keys = (...args: string[]): Promise<CliResult> => runCli(['keys', ...args, '--url', url])

  expect(await keys('create', '--role', 'write')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('the first key has to be an admin key') as string,
  })
  const first = await keys('create', '--role', 'admin', '--name', 'ops')
  expect(first).toMatchObject({ code: 0, stderr: 'From now on the server asks everybody for a key.\n' })
  const file = join(dataDir, 'admin.key')
  writeFileSync(file, first.stdout, { mode: 0o600 })
  expect(await statusWith(url)).toBe(401)
  expect(await keys('list')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/KEY_REQUIRED[^]*no key is needed:\n {2}the same command with --data/) as string,
  })

  const flags = [
    '--role',
    'write',
    '--name',
    'ci',
    '--expires',
    '90d',
    '--ip',
    '127.0.0.0/8,::1',
    '--stamp',
    'service=ci',
  ]
  const made = await keys('create', ...flags, '--stamp', 'team=a=b', '--format', 'json', '--key-file', file)
  const { key, info } = JSON.parse(made.stdout) as { key: string; info: Record<string, unknown> }
  expect(info).toMatchObject({
    role: 'write',
    name: 'ci',
    createdBy: 'ops',
    addresses: ['127.0.0.0/8', '::1'],
    stamps: { service: 'ci', team: 'a=b' },
  })
  expect(Date.parse(String(info['expires'])) - Date.parse(String(info['created']))).toBe(90 * 86_400_000)
  const send = () => runCli(['send', '--url', url, '--key', key], 'x\n')
  expect(await send()).toMatchObject({ code: 0 })
  expect((await keys('list', '--key-file', file)).stdout).toMatch(
    / ci +write .*valid +stamps service=ci team=a=b; from 127/,
  )
  expect(await keys('list', '--key', key)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ACCESS_DENIED') as string,
  })

  const doctor = await runCli(['doctor', '--data', dataDir, '--port', new URL(url).port])
  expect(doctor.code).toBe(0)
  expect(doctor.stdout).toMatch(/^ok +access +everybody shows a key \(valid: 1 admin, 0 read, 1 write\)/m)
  expect(doctor.stdout).toMatch(/^note +server .*it runs, and shows its figures/m)
  const shown = await runCli(['doctor', '--data', dataDir, '--port', new URL(url).port, '--key-file', file])
  expect(shown.stdout).toMatch(/^ok +access +asks everybody for a key; valid: /m)

  expect((await keys('revoke', 'ci', '--key-file', file)).stdout).toContain('(ci, write) revoked')
  expect(await send()).toMatchObject({ code: 1, stderr: expect.stringContaining('KEY_REFUSED') as string })
  expect(await keys('revoke', 'ops', '--key-file', file)).toMatchObject({ code: 1, stdout: '' })
  const last = await keys('revoke', 'ops', '--force', '--key-file', file)
  expect(last).toMatchObject({ code: 0, stderr: expect.stringContaining('No admin key is valid') as string })
  expect(await keys('list', '--key-file', file)).toMatchObject({ code: 1 })
})

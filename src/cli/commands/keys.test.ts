import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runProgram } from '../program.ts'
import { keyJson, startKeyServer, type KeyServer } from '../testing/key-server.ts'
import { memoryTerminal } from '../testing/memory-terminal.ts'

let server: KeyServer
beforeEach(async () => {
  server = await startKeyServer()
})
afterEach(() => server.close())

async function keys(args: string[], columns?: number) {
  const env = { NO_COLOR: '1', TAILRACE_URL: server.url }
  const terminal = memoryTerminal({ env, ...(columns === undefined ? {} : { columns }) })
  const code = await runProgram(['keys', ...args], terminal)
  return { code, out: terminal.outText(), err: terminal.errText() }
}

const asked = () =>
  server.asked.map(([method, path, body]) => [method, path, body === '' ? undefined : JSON.parse(body)])

describe('create', () => {
  test('what the flags say is asked for; the key alone is printed', async () => {
    server.keys = [keyJson({ id: 'first', role: 'admin' })]
    const flags = ['--role', 'write', '--name', 'ci', '--expires', '90d', '--ip', '10.0.0.0/8, 10.1.2.3', '--ip', '::1']
    const stamps = ['--stamp', 'service=/ops/x', '--stamp=note=a=b, c', '--stamp', 'empty=']
    expect(await keys(['create', ...flags, ...stamps])).toEqual({ code: 0, out: 'trk_key1_secret\n', err: '' })
    const expected = {
      role: 'write',
      name: 'ci',
      expires: 90 * 86_400_000,
      addresses: ['10.0.0.0/8', '10.1.2.3', '::1'],
      stamps: { service: '/ops/x', note: 'a=b, c', empty: '' },
    }
    expect(asked()).toEqual([['POST', '/api/v1/keys', expected]])
  })

  test('a terminal is told what it is for, but the key only once', async () => {
    server.keys = [keyJson({ id: 'first', role: 'admin' })]
    const { code, out, err } = await keys(
      ['create', '--role', 'read', '--expires', '90d', '--filter', 'service:/ops/*', '--name', 'o\u202ep'],
      80,
    )
    expect(code).toBe(0)
    expect(out).toBe('trk_key1_secret\n')
    expect(err).toMatch(/Key key1 .*o\\u202ep.*shown this once[^]*read events, that match service:\/ops\/\*/)
    expect(err).toContain(`${server.url}/api/v1/query`)
    expect(err).not.toContain('trk_key1')
    for (const line of err.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  test('as JSON', async () => {
    const { out } = await keys(['create', '--role', 'admin', '--format', 'json'])
    expect(JSON.parse(out)).toEqual({ key: 'trk_key0_secret', info: server.keys[0] })
  })

  test('the first key shuts the door', async () => {
    const admin = await keys(['create', '--role', 'admin'], 80)
    expect(admin.err).toContain('From now on the server asks everybody for a key.')
    expect(admin.err).not.toContain('warn')
    expect((await keys(['create', '--role', 'read'], 80)).err).not.toContain('From now on')
  })

  test('the first key says so in a pipe, too, and nothing else', async () => {
    const { out, err } = await keys(['create', '--role', 'admin'])
    expect({ out, err }).toEqual({
      out: 'trk_key0_secret\n',
      err: 'From now on the server asks everybody for a key.\n',
    })
    expect((await keys(['create', '--role', 'read'])).err).toBe('')
  })

  test.each<[flags: string[], message: string]>([
    [[], '--role is missing'],
    [['--role', 'wrte'], 'did you mean write?'],
    [['--role', 'write', '--filter', 'a'], '--filter goes with --role read'],
    [['--role', 'read', '--stamp', 'a=b'], '--stamp goes with --role write'],
    [['--role', 'write', '--stamp', 'a'], '--stamp is field=value, not "a"'],
    [['--role', 'write', '--stamp', '=a'], '--stamp is field=value, not "=a"'],
    [['--role', 'write', '--stamp', 'a=1', '--stamp', 'a=2'], '--stamp says a twice'],
    [['--role', 'read', '--ip', '10.0.0.1,'], '--ip has an empty address'],
    [['--role', 'read', '--expires', 'soon'], '--expires is a duration'],
    [['--role', 'read', '--expires', '0'], '--expires is a duration'],
    [['--role', 'read', '--data', '/x', '--url', 'http://x'], '--data and --url exclude each other'],
    [['--role', 'read', '--data', '/x', '--key', 'x'], '--data and --key exclude each other'],
    [['--role', 'read', '--data', '/x', '--key-file', 'x'], '--data and --key-file exclude each other'],
  ])('%j is wrong use', async (flags, message) => {
    const { code, err, out } = await keys(['create', ...flags])
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect(out).toBe('')
    expect(server.asked).toEqual([])
  })

  test('what the server finds wrong with it is wrong use too', async () => {
    server.refusal = { status: 400, code: 'REQUEST_INVALID', detail: 'name: too long', hint: 'Shorten it.' }
    const { code, err } = await keys(['create', '--role', 'read'])
    expect(code).toBe(2)
    expect(err).toMatch(/^error name: too long\nShorten it\.\n/)
  })
})

describe('in a data folder', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tailrace-keys-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('a key is made, found and revoked, and no server is asked', async () => {
    const data = ['--data', join(folder, 'new')]
    const made = await keys(['create', '--role', 'admin', '--name', 'ops', ...data], 80)
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^trk_[a-z0-9]{12}_[\w-]{43}\n$/) as string })
    expect(made.err).toContain(
      `No server has used this folder yet; one that does:\n  tailrace serve ${data.join(' ')}\n`,
    )
    expect(made.err).not.toContain(made.out.trim())
    const listed = await keys(['list', '--format', 'json', ...data])
    expect(JSON.parse(listed.out)).toMatchObject({ keys: [{ name: 'ops', createdBy: 'command line', revoked: null }] })
    const { code, out, err } = await keys(['revoke', 'ops', ...data])
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('(ops, admin) revoked') as string })
    expect(err).toContain(`tailrace keys create --role admin ${data.join(' ')}`)
    expect(server.asked).toEqual([])
  })

  test('keys without one for admins are said to be so', async () => {
    const { code, err } = await keys(['create', '--role', 'write', '--data', folder])
    expect(code).toBe(0)
    expect(err).toMatch(/^warn No admin key is valid\. [^]* --data/m)
  })

  test('a folder that no server has used is told of in a pipe, too', async () => {
    const { err } = await keys(['create', '--role', 'admin', '--data', folder])
    expect(err).toBe(`No server has used ${folder} yet: is it the right folder?\n`)
    writeFileSync(join(folder, 'node.json'), '{}')
    expect((await keys(['create', '--role', 'admin', '--data', folder])).err).toBe('')
  })

  test.each<[flags: string[], message: string]>([
    [['--role', 'read', '--filter', 'a |'], 'filter:'],
    [['--role', 'write', '--ip', '10.0.0.0/99'], '"10.0.0.0/99" is neither'],
    [['--role', 'read', '--expires', '101y'], '--expires is a duration'],
  ])('%j is wrong use', async (flags, message) => {
    const { code, err, out } = await keys(['create', ...flags, '--data', folder])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
    expect(readdirSync(folder)).toEqual([])
  })

  test('one that is not there is not made by looking at it', async () => {
    for (const command of [['list'], ['revoke', 'x']]) {
      const { code, err } = await keys([...command, '--data', join(folder, 'typo')])
      expect(code).toBe(2)
      expect(err).toContain('typo cannot be used')
    }
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('list', () => {
  test('none', async () => {
    expect(await keys(['list'])).toMatchObject({ code: 0, out: '', err: expect.stringContaining('no keys') as string })
  })

  test('some, as a table and as JSON', async () => {
    server.keys = [keyJson({ id: 'a', name: 'ops' }), keyJson({ id: 'b', role: 'admin' })]
    expect((await keys(['list'], 80)).out).toMatch(/^id .*\na +ops +read .*valid\nb +admin .*valid\n$/)
    expect(JSON.parse((await keys(['list', '--format', 'json'])).out)).toEqual({ keys: server.keys })
  })

  test.each([
    ['KEY_REQUIRED', 401],
    ['ACCESS_DENIED', 403],
  ])('%s leads to the data folder', async (code, status) => {
    server.refusal = { status, code, detail: 'no' }
    const { code: exit, err } = await keys(['list'])
    expect(exit).toBe(1)
    expect(err).toContain('--data <data folder>')
  })

  test('so does a server that is not there', async () => {
    await server.close()
    const { code, err } = await keys(['list'])
    expect(code).toBe(1)
    expect(err).toContain('the same command with --data <data folder>')
  })
})

describe('revoke', () => {
  const whole = `trk_abcdefghijkl_${Buffer.alloc(32).toString('base64url')}`
  beforeEach(() => {
    const revoked = '2026-01-02T00:00:00Z'
    server.keys = [
      keyJson({ id: 'abcdefghijkl', name: 'ops', role: 'admin' }),
      keyJson({ id: 'b', name: 'ci', revoked }),
      keyJson({ id: 'c', name: 'ci' }),
      keyJson({ id: 'd', name: 'twin' }),
      keyJson({ id: 'e', name: 'twin' }),
      keyJson({ id: 'f', name: 'gone', revoked }),
      keyJson({ id: 'g', name: 'gone', revoked }),
      keyJson({ id: 'h', name: 'late', expires: revoked }),
      keyJson({ id: 'i', name: 'd', role: 'admin' }),
    ]
  })

  test.each<[given: string, id: string, said: RegExp]>([
    ['c', 'c', /^c \(ci, read\) revoked: it is not valid any more/],
    ['ci', 'c', /^c \(ci, read\) revoked/],
    ['b', 'b', /^b \(ci, read\) was revoked already, \d+d ago/],
    ['late', 'h', /^h \(late, read\) revoked; it had expired \d+d ago/],
    ['d', 'd', /^d \(twin, read\) revoked/],
    [whole, 'abcdefghijkl', /^abcdefghijkl \(ops, admin\) revoked/],
  ])('%s', async (given, id, said) => {
    const { code, out, err } = await keys(['revoke', given])
    expect(out).toMatch(said)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(server.asked.at(-1)).toEqual(['DELETE', `/api/v1/keys/${id}`, ''])
  })

  test.each<[given: string, said: string]>([
    ['nobody', 'No key has the id or name "nobody"'],
    ['twin', '2 keys have the name "twin"\nTheir ids: d, e'],
    ['gone', 'All 2 keys of the name "gone" are revoked'],
    [`trk_xxxxxxxxxxxx_${Buffer.alloc(32).toString('base64url')}`, 'No key has the id or name "trk_xxxxxxxxxxxx_…"'],
  ])('%s', async (given, said) => {
    const { code, err } = await keys(['revoke', given])
    expect(code).toBe(1)
    expect(err).toContain(said)
    expect(server.asked.map(([method]) => method)).toEqual(['GET'])
  })

  test('one that was revoked just now', async () => {
    await keys(['revoke', 'c'])
    expect((await keys(['revoke', 'c'])).out).toContain('was revoked already, a moment ago')
  })

  test('the last admin key: only with force', async () => {
    server.keys = server.keys.filter(({ id }) => id !== 'i')
    const { code, out, err } = await keys(['revoke', 'ops'])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^error abcdefghijkl is the last valid admin key[^]*--force[^]*--data <data folder>/)
    expect(server.asked.map(([method]) => method)).toEqual(['GET'])
  })

  test('the last admin key, with force: says how to make another', async () => {
    server.keys = server.keys.filter(({ id }) => id !== 'i')
    const { code, err } = await keys(['revoke', 'ops', '--force'])
    expect(code).toBe(0)
    expect(err).toContain('tailrace keys create --role admin --data <data folder>')
  })

  test('none is wrong use', async () => {
    expect(await keys(['revoke'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('The id is missing') as string,
    })
  })
})

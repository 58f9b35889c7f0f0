import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from './folder-lock.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-lock-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

test('one holder at a time, nothing left behind', () => {
  const free = lockFolder(dir)
  expect(readFileSync(join(dir, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `))
  free()
  expect(readdirSync(dir)).toEqual([])
})

test('a living process keeps others off, a dead one does not', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const start = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19]
  const content = `${child.pid} ${start}\n`
  writeFileSync(join(dir, 'lock'), content)
  expect(() => lockFolder(dir)).toThrow(`in use by process ${child.pid}`)
  writeFileSync(join(dir, 'lock'), `${child.pid} 1\n`)
  lockFolder(dir)()
  child.kill('SIGKILL')
  await once(child, 'exit')
  writeFileSync(join(dir, 'lock'), content)
  lockFolder(dir)()
  expect(readdirSync(dir)).toEqual([])
})

test.each(['', 'x', '-1 5', '999999999 1'])('a lock that names nobody is taken over: %j', (content) => {
  writeFileSync(join(dir, 'lock'), content)
  lockFolder(dir)()
  expect(readdirSync(dir)).toEqual([])
})

test('a folder that cannot be written is said', () => {
  expect(() => lockFolder(join(dir, 'missing'))).toThrow('cannot be written')
})

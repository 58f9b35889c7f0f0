import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseEventId } from '../core/event.ts'
import { checkDataFolder, openNode, RECEIVED_SAVE_MS } from './node.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tailrace-node-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

test('a name is made once and kept, and is fit for event ids', async () => {
  const data = join(dir, 'deep', 'data')
  const first = await openNode(data)
  expect(parseEventId(`0000000000000001-${first.name}`)?.node).toBe(first.name)
  expect(first.receivedFloorNs).toBe(0n)
  expect((await openNode(data)).name).toBe(first.name)
  expect(statSync(join(data, 'node.json')).mode & 0o777).toBe(0o600)
})

test('saved received times are a floor for the next process, with the unsaved interval on top', async () => {
  await (await openNode(dir)).saveReceived(5_000n)
  expect((await openNode(dir)).receivedFloorNs).toBe(5_000n + BigInt(RECEIVED_SAVE_MS) * 1_000_000n)
})

test('after an orderly end the next process may begin right after the last time', async () => {
  await (await openNode(dir)).saveLastReceived(5_000_000_000n)
  expect((await openNode(dir)).receivedFloorNs).toBe(5_000_000_000n)
})

test.each(['', '{}', '{"name":"a b","received":"1"}', '{"name":"a","received":"x"}'])(
  'damage is said: %j',
  async (text) => {
    writeFileSync(join(dir, 'node.json'), text)
    await expect(openNode(dir)).rejects.toThrow('node.json is damaged')
  },
)

test('a data folder that is a file is said', async () => {
  writeFileSync(join(dir, 'file'), '')
  await expect(openNode(join(dir, 'file'))).rejects.toThrow('cannot be used')
})

test('where none is needed there need be none, but a file is said all the same, and one on the way to it', () => {
  writeFileSync(join(dir, 'file'), '')
  for (const path of [dir, join(dir, 'missing'), join(dir, 'missing', 'too')]) checkDataFolder(path)
  for (const path of [join(dir, 'file'), join(dir, 'file', 'data')]) {
    expect(() => checkDataFolder(path)).toThrow(`${path} cannot be used`)
  }
})

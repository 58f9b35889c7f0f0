import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchServer, type TestServer } from '../system/harness/server.ts'
import { accessibilityProblems, ingest, visit } from './harness/browser.ts'
import { rows } from './harness/explore.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-own-'))
let server: TestServer
/** The same address and data each time. */
async function start(port = '0'): Promise<void> {
  server = launchServer({ dataDir, flags: { port, logd: 'off' } })
  await server.ready
}
beforeAll(() => start())
afterAll(async () => {
  await server.remove()
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
})

test('a server without events says how to send one, and says so when it arrives', async () => {
  const options = { url: server.url, permissions: ['clipboard-read', 'clipboard-write'] }
  const { page } = await visit('/', options)
  await page.getByText('Waiting for the first event').waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
  await page.getByRole('button', { name: 'Copy the command for curl' }).click()
  await page.getByText('Copied').waitFor()
  expect(await page.evaluate('navigator.clipboard.readText()')).toContain(`curl ${server.url}/api/v1/ingest`)
  await ingest([{ service: 'hello', message: 'it works', order: { id: 42 } }], server.url)
  await page.getByText('Receiving').waitFor()
  await page.getByRole('button', { name: 'Look at the events' }).click()
  await rows(page).filter({ hasText: 'it works' }).waitFor()
  // What it brought that was not known before.
  await page.getByRole('button', { name: 'order.id', exact: true }).waitFor()
})

const numbered = (from: number) =>
  [0, 1, 2].map((index) => ({ service: 'outlived', message: `number ${from + index} of the tail` }))

test('a page outlives its server: it says so, comes back by itself, and the tail has neither gap nor repeat', async () => {
  const { url } = server
  await ingest(numbered(0), url)
  const { page } = await visit('/?q=service:outlived', { url, isDown: true })
  await rows(page).filter({ hasText: 'number 2 ' }).waitFor()
  await server.kill9()
  await page.getByText('Connection lost').waitFor()
  await server.remove()
  await start(new URL(url).port)
  await ingest(numbered(3), url)
  await rows(page).filter({ hasText: 'number 5 ' }).waitFor()
  await page.getByRole('status').getByText('Live', { exact: true }).waitFor()
  const lines = await rows(page).allTextContents()
  expect(lines.map((line) => /number (\d+)/.exec(line)?.[1])).toEqual(['0', '1', '2', '3', '4', '5'])
})
